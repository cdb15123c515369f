import type { Deps } from "../../deps.ts";
import type { Store, Tx } from "../../store/store.ts";

export interface Dying {
  readonly deps: Deps;
  /** Whether it came so far. */
  isDead(): boolean;
}

/** Deps of a process that dies before the nth write of one of its transactions: nothing of that one may be left. */
export function dyingBefore(deps: Deps, nthWrite: number, inTransaction = 1): Dying {
  let transactions = 0;
  let writes = 0;
  const count = (): void => {
    if (++writes >= nthWrite) throw new Error(`died before write ${nthWrite}`);
  };
  const watched = (tx: Tx): Tx =>
    new Proxy(tx, {
      get: (target, name, receiver) => {
        const value: unknown = Reflect.get(target, name, receiver);
        if (typeof value !== "function") return value;
        const writes = name === "insert" || name === "update" || name === "delete" || name === "execute";
        return (...given: unknown[]) => {
          if (writes) count();
          return Reflect.apply(value, target, given) as unknown;
        };
      },
    });
  const transaction: Store["transaction"] = async (work) => {
    const dies = ++transactions === inTransaction;
    return await deps.store.transaction(async (tx) => await work(dies ? watched(tx) : tx));
  };
  return { deps: { ...deps, store: { ...deps.store, transaction } }, isDead: () => writes >= nthWrite };
}
