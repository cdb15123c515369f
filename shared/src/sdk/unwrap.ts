/** Some endpoints wrap their object in a key of its name, as the seeds' clients expect; both shapes are read. */
export function unwrap<T>(answer: unknown, key: string): T {
  if (typeof answer === "object" && answer !== null && Object.hasOwn(answer, key)) {
    const inner = (answer as Record<string, unknown>)[key];
    if (typeof inner === "object" && inner !== null) return inner as T;
  }
  return answer as T;
}
