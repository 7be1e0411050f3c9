import pg from 'pg'
import { describe, expect, it } from 'vitest'
import { poolConfig } from '../../../relay/src/store/pg-database.ts'

/** What `pg` itself makes of it. */
const understood = (url: string, password?: string): pg.Client =>
  new pg.Client(poolConfig(password === undefined ? { url } : { url, password }))

describe('the password of a file', () => {
  it.each([
    ['a host', 'postgres://latchkey@db.example:5433/relay', 'db.example'],
    ['a folder of sockets', 'postgres://latchkey@%2Frun%2Fpostgresql/relay', '/run/postgresql'],
    ['a host among the parameters', 'postgres:///relay?host=/run/postgresql&user=latchkey', '/run/postgresql'],
  ])('is used with %s, whatever letters it is of', (_what, url, host) => {
    const client = understood(url, 'a+b %/&?#:@ü')
    expect(client).toMatchObject({ host, user: 'latchkey', database: 'relay', password: 'a+b %/&?#:@ü' })
  })

  it('comes after the one of the URL', () => {
    expect(understood('postgres://latchkey:first@db.example/relay', 'second').password).toBe('first')
  })

  it('is not needed', () => {
    expect(understood('postgres://latchkey:first@db.example/relay').password).toBe('first')
  })
})
