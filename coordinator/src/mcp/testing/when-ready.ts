import { type Deps, TOPICS } from "../../deps.ts";

/** Looks now and whenever a run has become ready, until there is something to see. */
export async function whenReady<T>(deps: Deps, look: () => Promise<T | undefined>): Promise<T> {
  for (;;) {
    const stirred = Promise.withResolvers<void>();
    const unsubscribe = deps.wake.subscribe(TOPICS.lane, () => stirred.resolve());
    try {
      const found = await look();
      if (found !== undefined) return found;
      await stirred.promise;
    } finally {
      unsubscribe();
    }
  }
}
