/**
 * The last look at a line before it is written: a credential of the configuration that got into it, by whatever way, goes
 * out again. The rule is that none gets in; this is for the day on which one does.
 */
const SHORTEST = 4
const MASK = '***'

/** @param secrets texts that must not be seen. Those of under 4 characters are left alone: they are in every other word. */
export function createScrub(secrets: readonly string[]): (text: string) => string {
  const forms = new Set<string>()
  for (const secret of secrets) {
    if (secret.length < SHORTEST) continue
    forms.add(secret)
    // As it stands in JSON.
    forms.add(JSON.stringify(secret).slice(1, -1))
  }
  // The longer first: one may be the beginning of another.
  const ordered = [...forms].sort((a, b) => b.length - a.length)
  return (text) => {
    let clean = text
    for (const form of ordered) clean = clean.replaceAll(form, MASK)
    return clean
  }
}
