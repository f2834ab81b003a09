/** The file's notation as JSON Schema, for editors. It takes what the loader takes; the loader checks more. */
import { z } from 'zod'

import { anyShape, FILE_SUFFIX } from './rows.ts'
import type { AnyEntry, AnyShape } from './setting.ts'
import { relaySettings, sharedSettings, WORKSPACE_NAME, workspaceSettings } from './settings.ts'

/** JSON Schema, draft 2020-12. */
export function configJsonSchema(): object {
  const workspace = objectOf(anyShape(workspaceSettings)).meta({ description: 'One workspace of Customer.io.' })
  const workspaces = z.record(z.string().regex(WORKSPACE_NAME), workspace.nullable()).nullable().optional()
  const defaults = objectOf(anyShape(sharedSettings)).nullable().optional()
  const root = z.strictObject({
    $schema: z.string().optional().meta({ description: 'For editors. The relay takes no notice of it.' }),
    ...fieldsOf(anyShape(relaySettings)),
    defaults: defaults.meta({ description: 'What holds for every workspace that says nothing else.' }),
    workspaces: workspaces.meta({
      description: 'By name: a to z, 0 to 9 and hyphens.',
      examples: [{ shop: { siteId: 'a1b2c3', apiKeyFile: '/run/secrets/shop-api-key' } }],
    }),
  })
  const schema = z.toJSONSchema(root, { target: 'draft-2020-12' })
  return { ...schema, title: 'Configuration of holdfast relay' }
}

function objectOf(shape: AnyShape): z.ZodType {
  return z.strictObject(fieldsOf(shape))
}

function fieldsOf(shape: AnyShape): Record<string, z.ZodType> {
  const fields: Record<string, z.ZodType> = {}
  for (const [name, entry] of Object.entries(shape)) {
    fields[name] = schemaOf(entry)
    if (entry.is !== 'setting' || entry.kind !== 'secret') continue
    const description = `Path of a file that holds ${name}. Instead of ${name}.`
    fields[name + FILE_SUFFIX] = z.string().min(1).optional().meta({ description })
  }
  return fields
}

function schemaOf(entry: AnyEntry): z.ZodType {
  if (entry.is === 'section') return objectOf(entry.fields).nullable().optional().meta({ description: entry.about })
  if (entry.is === 'list') return z.array(objectOf(entry.fields)).min(1).optional().meta({ description: entry.about })
  const { written, about, allowed, initial } = entry
  const examples = EXAMPLES[entry.kind]
  return written.optional().meta({
    description: `${about} Must be ${allowed}.`,
    ...(initial === undefined ? {} : { default: initial }),
    ...(examples === undefined ? {} : { examples }),
  })
}

const EXAMPLES: Readonly<Partial<Record<string, readonly string[]>>> = {
  duration: ['500ms', '5s', '2m', '1h'],
  ages: ['3d'],
  size: ['64KiB', '10MB', '2GiB'],
}
