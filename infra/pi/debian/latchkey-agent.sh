#!/bin/sh
# The package's own Node runs the sources as they are; nothing of the machine's Node, if it has one, is used.
unset NODE_OPTIONS NODE_PATH
# Video passes through its memory: a collection now and then is cheaper than holding on to it, and what is freed in large
# pieces goes back to the system at once.
export MALLOC_ARENA_MAX=1 MALLOC_MMAP_THRESHOLD_=131072 MALLOC_TRIM_THRESHOLD_=131072
agent="/usr/lib/latchkey/bin/node --max-semi-space-size=1 --max-old-space-size=160 /usr/lib/latchkey/device-agent/src/main.ts"
# The service's first start after an installation or an update: Node keeps what it compiled when it ends, and the compiler,
# 12 MB, stays in the memory of the process that needed it.
if [ -n "$NODE_COMPILE_CACHE" ] && [ ! -d "$NODE_COMPILE_CACHE" ]; then
    $agent run --help > /dev/null 2>&1 || true
fi
exec $agent "$@"
