/** Things that become due at a time: a binary heap. An item that is no longer wanted is left in it and dropped by whoever takes it. */

interface Due<Item> {
  readonly dueMs: number
  readonly item: Item
}

export class DueQueue<Item> {
  readonly #heap: Due<Item>[] = []

  push(dueMs: number, item: Item): void {
    const heap = this.#heap
    const due = { dueMs, item }
    let index = heap.push(due) - 1
    while (index > 0) {
      const parent = (index - 1) >> 1
      if (heap[parent]!.dueMs <= dueMs) break
      heap[index] = heap[parent]!
      index = parent
    }
    heap[index] = due
  }

  /** The next thing that is due, or undefined. */
  take(nowMs: number): Item | undefined {
    const first = this.#heap[0]
    if (first === undefined || first.dueMs > nowMs) return undefined
    this.#removeFirst()
    return first.item
  }

  /** When something is due next, after `stale` items at the head were dropped. */
  nextMs(stale: (item: Item, dueMs: number) => boolean): number | undefined {
    for (;;) {
      const first = this.#heap[0]
      if (first === undefined) return undefined
      if (!stale(first.item, first.dueMs)) return first.dueMs
      this.#removeFirst()
    }
  }

  clear(): void {
    this.#heap.length = 0
  }

  #removeFirst(): void {
    const heap = this.#heap
    const last = heap.pop()
    if (last === undefined || heap.length === 0) return
    let index = 0
    for (;;) {
      let child = 2 * index + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && heap[child + 1]!.dueMs < heap[child]!.dueMs) child++
      if (heap[child]!.dueMs >= last.dueMs) break
      heap[index] = heap[child]!
      index = child
    }
    heap[index] = last
  }
}
