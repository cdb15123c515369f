/** Resolves after the time, rejects with the signal's reason when it is aborted first. No Node built-in: the SDK runs in browsers too. */
export function pause(durationMs: number, signal?: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  if (signal?.aborted === true) {
    reject(signal.reason);
    return promise;
  }
  const onAbort = () => {
    clearTimeout(timer);
    reject(signal?.reason);
  };
  const timer = setTimeout(() => {
    signal?.removeEventListener("abort", onAbort);
    resolve();
  }, durationMs);
  signal?.addEventListener("abort", onAbort, { once: true });
  return promise;
}
