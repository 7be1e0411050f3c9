/** Incident types of the policies we know, in words; both sides of a question read the same. */
export const INCIDENT_WORDS: Readonly<Record<string, string>> = {
  assault: 'An assault',
  arson: 'Arson',
  burglary: 'A burglary',
  'hit-and-run': 'A driver who did not stop after a collision',
  homicide: 'A killing',
  'missing-person': 'A person is missing',
  'parcel-theft': 'A parcel was taken',
  robbery: 'A robbery',
  'traffic-collision': 'A traffic collision',
  vandalism: 'Damage done on purpose',
  'vehicle-theft': 'A vehicle was taken',
  'other-crime': 'Another crime',
}
