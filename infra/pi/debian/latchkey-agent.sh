#!/bin/sh
# The package's own Node runs the sources as they are; nothing of the machine's Node, if it has one, is used.
unset NODE_OPTIONS NODE_PATH
exec /usr/lib/latchkey/bin/node /usr/lib/latchkey/device-agent/src/main.ts "$@"
