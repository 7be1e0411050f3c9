import { ask, askStill, Refusal } from './ask.js'
import { newRegion } from './regions.js'
import { createStage } from './stage.js'
import { findingWords, LEVELS, ROLES } from './words.js'

/**
 * @typedef {import('./regions.js').Region} Region
 * @typedef {{ label: string, text: string, level: string, advice?: string }} HealthLine
 * @typedef {{ name: string, headline: string, level: string, lines: HealthLine[] }} Status
 * @typedef {{ sign: string, text: string }} DiffLine
 */

const STILL_EVERY_MS = 700
const STATUS_EVERY_MS = 5000
const BOXES_FADE_MS = 1500
/** A screen reader is told of motion when it begins and ends, not at every picture. */
const SAY_EVERY_MS = 400

/** @param {string} id */
const element = (id) => /** @type {HTMLElement} */ (document.getElementById(id))
/** @param {string} id */
const button = (id) => /** @type {HTMLButtonElement} */ (element(id))
const nameInput = /** @type {HTMLInputElement} */ (element('region-name'))
const roleSelect = /** @type {HTMLSelectElement} */ (element('region-role'))
const still = /** @type {HTMLImageElement} */ (element('still'))

let revision = ''
let savedText = '[]'
/** @type {Region[]} */
let regions = []
/** @type {Region | null} */
let chosen = null
let isOpen = false

const stage = createStage({ regions: () => regions, chosen: () => chosen, onChange: markChanged })

function markChanged() {
  const isChanged = JSON.stringify(regions) !== savedText
  button('review').disabled = !isChanged
  button('undo-all').disabled = !isChanged
  element('preview').hidden = true
}

/** @param {string} name @param {string} text @param {string} [className] */
function textElement(name, text, className = '') {
  const node = document.createElement(name)
  node.textContent = text
  if (className) node.className = className
  return node
}

function listRegions() {
  const items = regions.map((region) => {
    const choose = document.createElement('button')
    choose.type = 'button'
    choose.setAttribute('aria-pressed', String(region === chosen))
    choose.append(
      textElement('span', '', `swatch ${region.role}`),
      textElement('span', region.name),
      textElement('span', ROLES[region.role] ?? '', 'kind'),
    )
    choose.addEventListener('click', () => chooseRegion(region))
    const item = document.createElement('li')
    item.append(choose)
    return item
  })
  element('regions').replaceChildren(
    ...(items.length > 0 ? items : [textElement('li', 'None: motion counts everywhere.', 'quiet')]),
  )
}

/** @param {Region | null} region @param {number} [focus] */
function chooseRegion(region, focus) {
  chosen = region
  element('editor').hidden = region === null
  if (region !== null) {
    element('editor-title').textContent = `Edit ${region.name}`
    nameInput.value = region.name
    roleSelect.value = region.role
  }
  listRegions()
  stage.edit(focus)
}

/** @param {Region['role']} role */
function add(role) {
  const region = newRegion(regions, role)
  regions.push(region)
  chooseRegion(region, 0)
  markChanged()
}

async function loadRegions() {
  const loaded = /** @type {{ revision: string, regions: Region[] }} */ (await ask('GET', '/api/regions'))
  revision = loaded.revision
  regions = loaded.regions
  savedText = JSON.stringify(regions)
  chooseRegion(null)
  markChanged()
}

/** @param {string} text @param {boolean} [isError] */
function say(text, isError = false) {
  element('save-message').textContent = text
  element('save-message').className = isError ? 'error' : ''
}

/** @param {() => Promise<void>} work */
async function trying(work) {
  try {
    await work()
  } catch (error) {
    if (error instanceof Refusal && error.message === 'enter the code first') showLogin('')
    else say(error instanceof Error ? error.message : 'That did not work.', true)
  }
}

async function review() {
  const preview = await ask('POST', '/api/preview', { revision, regions })
  const { diff } = /** @type {{ diff: DiffLine[] }} */ (preview)
  /** @type {Record<string, string>} */
  const classes = { '+': 'plus', '-': 'minus' }
  element('diff').replaceChildren(
    ...diff.map(({ sign, text }) => textElement('span', `${sign} ${text}`, classes[sign] ?? 'same')),
  )
  say('')
  chooseRegion(null)
  element('preview').hidden = false
  element('preview-title').focus()
}

async function save() {
  say('Saving…')
  const saved = await ask('PUT', '/api/regions', { revision, regions })
  const {
    revision: next,
    applied,
    advice,
  } = /** @type {{ revision: string, applied: boolean, advice: string }} */ (saved)
  revision = next
  savedText = JSON.stringify(regions)
  markChanged()
  say(applied ? 'Saved and applied. The detector works by it from now on.' : `Saved. ${advice}`, !applied)
}

/** @param {HealthLine} line */
function healthLine({ label, text, level, advice }) {
  const told = document.createElement('dd')
  told.append(textElement('span', `${LEVELS[level] ?? level}: `, `level ${level}`), text)
  if (advice) told.append(textElement('span', advice, 'advice'))
  return [textElement('dt', label), told]
}

async function showStatus() {
  const status = /** @type {Status} */ (await ask('GET', '/api/status'))
  element('camera-name').textContent = status.name
  document.title = `${status.name} · Latchkey doorbell`
  element('headline').textContent = status.headline
  element('headline').className = `level ${status.level}`
  element('health').replaceChildren(...status.lines.flatMap(healthLine))
}

async function showStill() {
  const address = URL.createObjectURL(await askStill())
  const before = still.src
  still.src = address
  still.alt = 'What the camera sees now'
  still.hidden = false
  element('no-picture').hidden = true
  await still.decode().catch(() => {})
  if (before.startsWith('blob:')) URL.revokeObjectURL(before)
}

/** @param {unknown} error */
function noPicture(error) {
  still.hidden = true
  element('no-picture').hidden = false
  element('no-picture').textContent = error instanceof Error ? `No picture: ${error.message}` : 'No picture.'
}

/** Calls `work` again and again while the page is open. @param {() => Promise<void>} work @param {number} everyMs @param {(error: unknown) => void} onError */
async function keep(work, everyMs, onError) {
  while (isOpen) {
    if (!document.hidden)
      await work().catch((/** @type {unknown} */ error) => {
        if (error instanceof Refusal && error.message === 'enter the code first') showLogin('')
        else onError(error)
      })
    await new Promise((resolve) => setTimeout(resolve, everyMs))
  }
}

function listen() {
  const news = new EventSource('/api/news')
  let lastBoxesMs = 0
  let lastSaidMs = 0
  news.addEventListener('message', (event) => {
    /** @type {unknown} */
    const value = JSON.parse(String(event.data))
    const told = /** @type {import('./words.js').Finding | { kind: 'other' }} */ (value)
    if (told.kind !== 'finding') return
    const nowMs = performance.now()
    if (told.moving) {
      lastBoxesMs = nowMs
      stage.show(told.boxes)
    } else if (nowMs - lastBoxesMs > BOXES_FADE_MS) stage.show([])
    if (nowMs - lastSaidMs < SAY_EVERY_MS) return
    lastSaidMs = nowMs
    element('motion').textContent = findingWords(told)
  })
  news.addEventListener('error', () => {
    if (!isOpen) news.close()
    else element('motion').textContent = 'The detector says nothing at this moment.'
  })
}

async function open() {
  await showStatus()
  await loadRegions()
  isOpen = true
  element('login').hidden = true
  element('app').hidden = false
  const failed = (/** @type {unknown} */ error) => {
    element('headline').textContent = error instanceof Error ? error.message : 'The agent does not answer.'
    element('headline').className = 'level bad'
  }
  void keep(showStill, STILL_EVERY_MS, noPicture)
  void keep(showStatus, STATUS_EVERY_MS, failed)
  listen()
}

/** @param {string} error */
function showLogin(error) {
  isOpen = false
  element('app').hidden = true
  element('login').hidden = false
  element('login-error').textContent = error
  element('code').focus()
}

/** @param {string} code */
async function login(code) {
  try {
    await ask('POST', '/api/login', { code })
    await open()
  } catch (error) {
    showLogin(error instanceof Error ? error.message : 'That did not work.')
  }
}

for (const role of /** @type {const} */ (['include', 'exclude', 'mask']))
  button(`add-${role}`).addEventListener('click', () => add(role))
nameInput.addEventListener('input', () => {
  if (chosen === null) return
  chosen.name = nameInput.value
  element('editor-title').textContent = `Edit ${chosen.name}`
  listRegions()
  markChanged()
})
roleSelect.addEventListener('change', () => {
  if (chosen === null) return
  chosen.role = /** @type {Region['role']} */ (roleSelect.value)
  listRegions()
  stage.draw()
  markChanged()
})
button('done').addEventListener('click', () => {
  chooseRegion(null)
  button('review').focus()
})
button('remove').addEventListener('click', () => {
  regions = regions.filter((region) => region !== chosen)
  chooseRegion(null)
  markChanged()
  button('add-include').focus()
})
button('review').addEventListener('click', () => void trying(review))
button('save').addEventListener('click', () => void trying(save))
button('back').addEventListener('click', () => {
  element('preview').hidden = true
  button('review').focus()
})
button('undo-all').addEventListener('click', () => void trying(loadRegions))
button('logout').addEventListener('click', () => {
  isOpen = false
  void ask('POST', '/api/logout', {}).finally(() => location.reload())
})
element('login').addEventListener('submit', (event) => {
  event.preventDefault()
  void login(/** @type {HTMLInputElement} */ (element('code')).value)
})

const codeInAddress = location.hash.slice(1)
// Out of the address bar and the history at once.
if (codeInAddress !== '') history.replaceState(null, '', '/')
if (codeInAddress !== '') void login(codeInAddress)
else open().catch(() => showLogin(''))
