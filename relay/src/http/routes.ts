import type { Route } from './route.ts'
import { CLIP_ROUTES } from './routes/clip-routes.ts'
import { CONSENT_ROUTES } from './routes/consent-routes.ts'
import { EVENT_ROUTES } from './routes/events-routes.ts'
import { HEADER_ROUTES } from './routes/header-routes.ts'
import { HOUSEHOLD_ROUTES } from './routes/household-routes.ts'
import { INVESTIGATOR_ROUTES } from './routes/investigator-routes.ts'
import { LOG_ROUTES } from './routes/log-routes.ts'
import { PAIRING_ROUTES } from './routes/pairing-routes.ts'
import { PUBLIC_ROUTES } from './routes/public-routes.ts'
import { PUSH_ROUTES } from './routes/push-routes.ts'
import { SETTINGS_ROUTES } from './routes/settings-routes.ts'

/** Every route of the public interface: its address and who may call it. A test tries everyone else on each. */
export const ROUTES: readonly Pick<Route<never>, 'method' | 'url' | 'callers' | 'schema' | 'bodyType'>[] = [
  ...PAIRING_ROUTES,
  ...HOUSEHOLD_ROUTES,
  ...SETTINGS_ROUTES,
  ...EVENT_ROUTES,
  ...PUSH_ROUTES,
  ...HEADER_ROUTES,
  ...CLIP_ROUTES,
  ...LOG_ROUTES,
  ...PUBLIC_ROUTES,
  ...CONSENT_ROUTES,
  ...INVESTIGATOR_ROUTES,
]
