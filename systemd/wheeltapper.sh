#!/bin/sh
# The command as people type it on a box: it finds the state of the services.
STATE_DIRECTORY=${STATE_DIRECTORY:-/var/lib/wheeltapper}
export STATE_DIRECTORY
exec /opt/wheeltapper/current/bin/wheeltapper "$@"
