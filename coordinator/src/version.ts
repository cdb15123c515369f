/** The version of the whole project; the root package.json says the same, checked by a test. */
export const VERSION = "0.1.0";
