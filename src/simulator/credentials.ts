/** HTTP Basic: site id as the user, API key as the password. */

/** Whether a header lets its sender in. A part that is undefined is not compared. */
export function mayEnter(
  authorization: string | null,
  siteId: string | undefined,
  apiKey: string | undefined,
): boolean {
  const match = authorization === null ? null : /^Basic ([\w+/=-]+)$/i.exec(authorization.trim())
  if (match === null) return false
  // Both alphabets of base 64: the Go SDK writes the one for URLs.
  const text = Buffer.from(match[1]!, 'base64').toString('utf8')
  const colon = text.indexOf(':')
  if (colon === -1) return false
  const fits = (wanted: string | undefined, given: string): boolean => wanted === undefined || wanted === given
  return fits(siteId, text.slice(0, colon)) && fits(apiKey, text.slice(colon + 1))
}
