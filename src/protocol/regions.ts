/** The two data centres of Customer.io and the hosts of their Track API (description of the Track API, "Server addresses"). */
import { unreachable } from '../runtime/assert.ts'

export type Region = 'us' | 'eu'

/**
 * The root of the Track API in a region, without a slash at its end.
 * @example `trackHost('eu') // 'https://track-eu.customer.io'`
 */
export function trackHost(region: Region): string {
  switch (region) {
    case 'us':
      return 'https://track.customer.io'
    case 'eu':
      return 'https://track-eu.customer.io'
    default:
      return unreachable(region)
  }
}
