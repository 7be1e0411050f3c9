import { describe, expect, test } from 'vitest'
import {
  parseButton,
  parseRelayOrigin,
  splitCredentials,
  withCredentials,
} from '../../device-agent/src/commands/setup/answers.ts'
import { parseRpicamList } from '../../device-agent/src/commands/setup/found-cameras.ts'

describe('answers of a person', () => {
  test('the relay: a name is enough; what is no origin is refused with the reason', () => {
    expect(parseRelayOrigin('relay.example')).toBe('https://relay.example')
    expect(parseRelayOrigin('https://relay.example:8443/')).toBe('https://relay.example:8443')
    expect(parseRelayOrigin('http://127.0.0.1:8080')).toBe('http://127.0.0.1:8080')
    const refused = [
      'http://relay.example',
      'https://relay.example/x',
      'https://u:p@relay.example',
      'ftp://x',
      ' ',
      'a b',
    ]
    for (const text of refused) expect(() => parseRelayOrigin(text)).toThrow(expect.objectContaining({ code: 'USAGE' }))
  })

  test('the button: every form, and nothing else', () => {
    expect(parseButton('none')).toEqual({})
    expect(parseButton('gpio:GPIO17')).toEqual({ 'button.gpio.line': 'GPIO17' })
    expect(parseButton('gpio:gpiochip0/17')).toEqual({ 'button.gpio.chip': 'gpiochip0', 'button.gpio.offset': 17 })
    expect(parseButton('input:/dev/input/event0')).toEqual({ 'button.input.device': '/dev/input/event0' })
    for (const text of ['', 'gpio:', 'input:event0', '17'])
      expect(() => parseButton(text)).toThrow(expect.objectContaining({ code: 'USAGE' }))
  })

  test('user and password are encoded into the address, and taken out of it again', () => {
    const secret = { user: 'me@home', password: 'a/b:c@d%#' }
    const whole = withCredentials('rtsp://cam:554/one?two=3', secret)
    expect(whole).toBe('rtsp://me%40home:a%2Fb%3Ac%40d%25%23@cam:554/one?two=3')
    expect(splitCredentials(whole)).toEqual({ address: 'rtsp://cam:554/one?two=3', ...secret })
    expect(splitCredentials('/dev/video0')).toEqual({ address: '/dev/video0', user: '', password: '' })
  })

  test('the list of rpicam-hello', () => {
    const text =
      'Available cameras\n-----------------\n0 : imx708 [4608x2592 10-bit RGGB] (/base/soc/i2c0mux)\n    Modes: …\n'
    expect(parseRpicamList(text)).toEqual(['imx708'])
    expect(parseRpicamList('No cameras available!')).toEqual([])
  })
})
