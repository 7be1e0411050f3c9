import { clamp, insertPoint, removePoint, splitAfter } from './regions.js'

/** @typedef {import('./regions.js').Region} Region @typedef {import('./words.js').Box} Box */

const SVG = 'http://www.w3.org/2000/svg'
const STEP = 0.01
const LARGE_STEP = 0.05
/** @type {Record<string, [number, number]>} */
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }

/** @param {string} id */
const element = (id) => /** @type {HTMLElement} */ (document.getElementById(id))
/** @param {number} value */
const percent = (value) => Math.round(value * 100)

/**
 * The picture with what is drawn over it.
 * @param {{ regions: () => Region[], chosen: () => Region | null, onChange: () => void }} options
 */
export function createStage({ regions, chosen, onChange }) {
  const [stage, overlay, corners] = [element('stage'), element('overlay'), element('corners')]
  /** @type {Box[]} */
  let boxes = []

  /** @param {string} name @param {Record<string, string>} attributes */
  function shape(name, attributes) {
    const node = document.createElementNS(SVG, name)
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value)
    return node
  }

  function drawOverlay() {
    const outlines = regions().map((region) =>
      shape('polygon', {
        class: `${region.role}${region === chosen() ? ' chosen' : ''}`,
        points: region.points.map(([x, y]) => `${x * 1000},${y * 1000}`).join(' '),
      }),
    )
    const found = boxes.map(({ x, y, width, height }) =>
      shape('rect', {
        class: 'motion',
        x: String(x * 1000),
        y: String(y * 1000),
        width: String(width * 1000),
        height: String(height * 1000),
      }),
    )
    overlay.replaceChildren(...outlines, ...found)
  }

  /** @param {HTMLButtonElement} button @param {Region} region @param {number} at */
  function place(button, region, at) {
    const [x, y] = /** @type {[number, number]} */ (region.points[at])
    button.style.left = `${x * 100}%`
    button.style.top = `${y * 100}%`
    const where = `${percent(x)} % from the left, ${percent(y)} % from the top`
    button.setAttribute('aria-label', `Corner ${at + 1} of ${region.points.length} of ${region.name}: ${where}`)
  }

  /** @param {number} [focus] */
  function drawCorners(focus) {
    const region = chosen()
    stage.classList.toggle('drawing', region !== null)
    if (region === null) {
      corners.replaceChildren()
      return
    }
    const buttons = region.points.map((_, at) => createCorner(region, at))
    corners.replaceChildren(...buttons)
    if (focus !== undefined) buttons[Math.min(focus, buttons.length - 1)]?.focus()
  }

  /** @param {{ clientX: number, clientY: number }} event @returns {[number, number]} */
  function pointOf({ clientX, clientY }) {
    const { left, top, width, height } = stage.getBoundingClientRect()
    return [clamp((clientX - left) / width), clamp((clientY - top) / height)]
  }

  /** @param {Region} region @param {number} at */
  function createCorner(region, at) {
    const button = document.createElement('button')
    button.type = 'button'
    button.className = 'corner'
    place(button, region, at)
    /** @param {[number, number]} point */
    const moveTo = (point) => {
      region.points[at] = point
      place(button, region, at)
      drawOverlay()
      onChange()
    }
    button.addEventListener('pointerdown', (event) => {
      // Or the browser takes it for the dragging of a picture, and ends ours.
      event.preventDefault()
      button.focus()
      button.setPointerCapture(event.pointerId)
    })
    button.addEventListener('dragstart', (event) => event.preventDefault())
    button.addEventListener('pointermove', (event) => {
      if (button.hasPointerCapture(event.pointerId)) moveTo(pointOf(event))
    })
    button.addEventListener('keydown', (event) => {
      const arrow = ARROWS[event.key]
      const [x, y] = /** @type {[number, number]} */ (region.points[at])
      const step = event.shiftKey ? LARGE_STEP : STEP
      if (arrow) moveTo([clamp(x + arrow[0] * step), clamp(y + arrow[1] * step)])
      else if (event.key === '+' || event.key === 'Insert') redraw(splitAfter(region, at))
      else if (event.key === 'Delete' || event.key === 'Backspace') {
        removePoint(region, at)
        redraw(at)
      } else return
      event.preventDefault()
    })
    return button
  }

  /** @param {number} [focus] */
  function redraw(focus) {
    drawOverlay()
    drawCorners(focus)
    onChange()
  }

  stage.addEventListener('click', (event) => {
    const region = chosen()
    if (region === null || event.target instanceof HTMLButtonElement) return
    const at = insertPoint(region, pointOf(event))
    if (at >= 0) redraw(at)
  })

  return {
    draw: drawOverlay,
    /** @param {number} [focus] */
    edit(focus) {
      drawOverlay()
      drawCorners(focus)
    },
    /** @param {Box[]} found */
    show(found) {
      boxes = found
      drawOverlay()
    },
  }
}
