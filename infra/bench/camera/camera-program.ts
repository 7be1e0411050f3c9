/** `node camera-program.ts VIDEO`: the camera as a process of its own, which can be stopped like one. */
import { loadCodedVideo } from './coded-video.ts'
import { startRtspServer } from './rtsp-server.ts'

const [path] = process.argv.slice(2)
if (path === undefined) throw new Error('usage: node camera-program.ts VIDEO')
const server = await startRtspServer({ video: loadCodedVideo(path) })
console.log(server.url())
