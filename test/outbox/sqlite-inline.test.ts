import { test } from 'node:test'

import { outboxCases } from '../../src/testing/outbox-conformance.ts'
import { inlineSubject } from './sqlite-scene.ts'

for (const { name, run } of outboxCases(inlineSubject)) test(`SQLite inline: ${name}`, run)
