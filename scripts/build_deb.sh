#!/usr/bin/env bash
# Builds dist/wheeltapper_VERSION_ARCH.deb with the environment in it: what systemd/install.sh makes, at the same place.
#
#   build_deb.sh [OPTIONS OF install.sh: --wheel, --wheelhouse, --python]
#
# It is for boxes of the same release of Debian or Ubuntu as the one that builds it: the environment uses the Python there.
# The Python must be the system's, /usr/bin/python3.
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
out=${DEB_OUT:-$here/dist}
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
root=$stage/root control=$stage/root/DEBIAN

bash "$here/systemd/install.sh" --root "$root" --python /usr/bin/python3 "$@"

name=$(basename "$(readlink "$root/opt/wheeltapper/current")")
place=/opt/wheeltapper/versions/$name
python=$("$root$place/bin/python" -c 'import sys; print("{}.{}".format(*sys.version_info[:2]))')
# scripts name the place where they were made
grep -rlIF "$root" "$root$place/bin" "$root$place/pyvenv.cfg" | xargs -r sed -i "s#$root##g"
find "$root$place" -name direct_url.json -delete # where the builder's checkout lay
find "$root$place" -name __pycache__ -prune -exec rm -rf {} +
"$root$place/bin/python" -m compileall -q -j 0 -s "$root" "$root$place/lib" || true # some packages hold files for other Pythons

# a package's units and commands lie below /usr
install -d -m 0755 "$root/usr/lib/systemd/system" "$root/usr/bin"
mv "$root"/etc/systemd/system/*.service "$root/usr/lib/systemd/system/"
mv "$root/usr/local/bin/wheeltapper" "$root/usr/bin/"
rm -r "$root/etc/systemd" "$root/usr/local"
install -D -m 0644 "$here/LICENSE" "$root/usr/share/doc/wheeltapper/copyright"

install -d -m 0755 "$control"
for script in preinst postinst prerm postrm; do
  sed -e "/^#PEOPLE#$/{r $here/systemd/people.sh" -e 'd}' "$here/systemd/debian/$script" >"$control/$script"
  chmod 0755 "$control/$script"
done
echo /etc/wheeltapper/config.yaml >"$control/conffiles"
(cd "$root" && find opt usr -type f -print0 | sort -z | xargs -0 md5sum >DEBIAN/md5sums)
architecture=$(dpkg --print-architecture)
# the tail of the folder's name tells builds of one version apart, in the order in which they were made
version=${name%-*}+$(date -u +%Y%m%d%H%M%S).${name##*-}
cat >"$control/control" <<CONTROL
Package: wheeltapper
Version: $version
Architecture: $architecture
Maintainer: Wheeltapper maintainers <maintainers@wheeltapper.invalid>
Installed-Size: $(du -sk --exclude=DEBIAN "$root" | cut -f1)
Depends: python3 (>= $python), python3 (<< ${python%.*}.$((${python#*.} + 1))), libportaudio2, tzdata, adduser | passwd
Recommends: ffmpeg, alsa-utils
Section: science
Priority: optional
Description: listens to machines and tells the plant when they sound wrong
 Anomaly scores, error maps and alarms from microphones, over MQTT and Sparkplug B,
 with a page where technicians hear and label what was flagged.
CONTROL
mkdir -p "$out"
dpkg-deb --root-owner-group -Zxz -z1 --build "$root" "$out/wheeltapper_${version}_$architecture.deb" >/dev/null
echo "built $out/wheeltapper_${version}_$architecture.deb"
