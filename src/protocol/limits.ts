/**
 * Customer.io's documented limits, and the places where we cut.
 *
 * Source, unless a comment names another: the description of the Track API ("Customer limits", "Object and
 * relationship limits", "Track API Event limits", "v2 API Limits"). What the provider does beyond a limit it does not
 * say for each; the messages of its 400 answers are the nearest.
 */

/** "ID: 150 bytes. Max length of a person's ID value." */
export const PERSON_ID_BYTES_MAX = 150

/** "Object ID: 150 bytes." */
export const OBJECT_ID_BYTES_MAX = 150

/** "Attribute Name: 150 bytes", of people, objects and relationships alike. */
export const ATTRIBUTE_NAME_BYTES_MAX = 150

/** "Attribute Value: 1000 bytes", of people, objects and relationships alike. */
export const ATTRIBUTE_VALUE_BYTES_MAX = 1_000

/** "Unique attributes: 300. Max number of attributes allowed per person or Identify call", and per object or relationship. */
export const ATTRIBUTES_MAX = 300

/** "Total attribute size: 100 Kilobytes" of an object or a relationship, taken as the smaller of its two readings. */
export const OBJECT_ATTRIBUTES_BYTES_MAX = 100_000

/** "Event Name: 100 bytes." */
export const EVENT_NAME_BYTES_MAX = 100

/**
 * For the name of a page or screen view, which is a URL or a path. Not in the description: among the messages of 400
 * answers stands "event name must be less than 500 characters" beside the one of 100 bytes.
 */
export const VIEW_NAME_CHARS_MAX = 499

/** "Event Data: 100000 bytes", on v1. On v2 the whole operation is smaller. */
export const EVENT_DATA_BYTES_MAX = 100_000

/** "You are limited to 1000 customer IDs per request" (add people to a manual segment). */
export const SEGMENT_IDS_MAX = 1_000

/**
 * "Each of the requests within a batch must also be 32kb or smaller", and "/entity is limited to requests 32kb or
 * smaller". Whether a kb is 1000 or 1024 bytes is not said; this is right in both readings.
 */
export const OPERATION_BYTES_MAX = 32_000

/** "/batch is limited to requests 500kb or smaller", elsewhere "must be smaller than 500kb". Cut with room to spare. */
export const BATCH_BYTES_MAX = 475_000

/** Only events whose time lies in the past 72 hours trigger campaigns (`timestamp` of an event). */
export const CAMPAIGN_WINDOW_MS: number = 72 * 60 * 60 * 1_000

/** Not Customer.io's: so many problems of one call are told, the rest is counted out. */
export const PROBLEMS_MAX = 20
