import { isParallaxError, ParallaxError } from "@parallax/shared/errors";

/**
 * Gives the work's result, or rejects when it takes longer than it may. The work itself cannot be called back: what it
 * does later is ignored, which is why only work that may also not have happened is done this way.
 */
export async function answerWithin<T>(limitMs: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(unavailable("the queue did not answer in time")), limitMs);
  });
  try {
    return await Promise.race([work, tooLate]);
  } catch (error) {
    if (isParallaxError(error)) throw error;
    throw unavailable("the queue's database cannot be used", error);
  } finally {
    clearTimeout(timer);
  }
}

function unavailable(message: string, cause?: unknown): ParallaxError {
  return new ParallaxError("store_unavailable", message, { cause });
}
