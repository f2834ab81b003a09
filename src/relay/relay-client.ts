/** A client that stores what came over HTTP: decoded requests instead of method calls. */
import type { CallOptions } from '../client/intake.ts'
import type { PartialReceipt, Receipt } from '../client/receipt.ts'
import type { Decoded } from '../protocol/decode.ts'
import { ResilientCustomerIO } from '../resilient-customer-io.ts'

export class RelayClient extends ResilientCustomerIO {
  /** Stores one call. Rejects as every method of the client does. */
  storeCall(decoded: Decoded, options?: CallOptions): Promise<Receipt> {
    return this.accept(decoded, options)
  }

  /** Stores the valid operations of a batch as one; the others come back with what is wrong with them. */
  storeBatch(items: readonly Decoded[], options?: CallOptions): Promise<PartialReceipt> {
    return this.acceptValid(items, options)
  }
}
