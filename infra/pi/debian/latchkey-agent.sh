#!/bin/sh
# The package's own Node runs the sources as they are; nothing of the machine's Node, if it has one, is used.
unset NODE_OPTIONS NODE_PATH
# Video passes through its memory: a collection now and then is cheaper than holding on to it.
export MALLOC_ARENA_MAX=1
exec /usr/lib/latchkey/bin/node --max-semi-space-size=1 --max-old-space-size=160 /usr/lib/latchkey/device-agent/src/main.ts "$@"
