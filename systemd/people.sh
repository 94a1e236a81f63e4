# Who the services run as: shell functions for install.sh and for the maintainer scripts of the Debian package.
# shellcheck shell=sh

make_people() {
  for name in wheeltapper wheeltapper-replay; do
    getent group "$name" >/dev/null || groupadd --system "$name"
    getent passwd "$name" >/dev/null || {
      useradd --system --gid "$name" --home-dir /var/lib/wheeltapper --no-create-home \
        --shell /usr/sbin/nologin "$name"
      echo "made the user $name"
    }
  done
  # before the services are, for the commands that are typed as their users
  usermod --append --groups audio wheeltapper
  usermod --append --groups wheeltapper wheeltapper-replay
}

remove_people() {
  for name in wheeltapper-replay wheeltapper; do
    ! getent passwd "$name" >/dev/null || userdel "$name"
    ! getent group "$name" >/dev/null || groupdel "$name"
  done
}

# Lets the daemon at the GPU, if there is one: $1 is the folder of the unit files, $2 where gpu.conf lies.
allow_gpu() {
  set -- "$1/wheeltapper.service.d/gpu.conf" "$2"
  for node in /dev/nvidiactl /dev/nvmap; do
    if [ -e "$node" ] && [ ! -e "$1" ]; then
      for group in video render; do
        ! getent group "$group" >/dev/null || usermod --append --groups "$group" wheeltapper
      done
      install -D -m 0644 "$2" "$1"
      echo "a GPU is there ($node): the daemon may use it ($1)"
    fi
  done
}
