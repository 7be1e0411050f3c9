/** `npm run documents`: writes what is made from the agent's configuration schema: the README's table and `agent.yml`. */
import { readFileSync, writeFileSync } from 'node:fs'
import { format } from 'prettier'
import { configTable, exampleConfig } from '../../device-agent/src/config-document.ts'

const README = new URL('../../device-agent/README.md', import.meta.url)
const EXAMPLE = new URL('../../device-agent/agent.yml', import.meta.url)

const rows = [['Key', 'Meaning', 'Must be', 'Default'], ['-', '-', '-', '-'], ...configTable()]
const table = rows.map((cells) => `| ${cells.join(' | ')} |`).join('\n')
const page = readFileSync(README, 'utf8').replace(
  /(<!-- configuration -->\n)[^]*?(\n<!-- \/configuration -->)/,
  (_, before: string, after: string) => `${before}\n${table}\n${after}`,
)
writeFileSync(README, await format(page, { parser: 'markdown', printWidth: 120 }))
writeFileSync(EXAMPLE, exampleConfig())
