/**
 * What no bundle proves, in fixed words: printed with every verdict, whatever it is, and part of every README.txt.
 * @see spec/verify.md
 */
export const NOT_PROVEN: readonly string[] = [
  'The truth of the scene: signatures show that nothing changed since the device key signed, not what stood before the lens.',
  'The place of the camera: no signed object says where it hangs.',
  'The identity of the household: it is a key, not a name.',
  'That a screen showed the notice: the digest proves which words the consent claims.',
  'That the keyset is current: offline, a later keyset that this bundle does not hold cannot be seen.',
  'That the relay obeyed the undo period and counted the downloads: both are its own word.',
  'That the rules were in force when the request was accepted: their entry stands before it in the log; that looser ones had waited, only the whole log shows.',
]
