/** What the API speaks, from api/openapi.yaml. */
import type { components, operations } from "./schema";

type Schemas = components["schemas"];

export type Strategy = Schemas["Strategy"];
export type StrategyPayload = Schemas["StrategyPayload"];
export type NodeLine = Schemas["NodeLine"] & { why?: string };
export type Preview = Schemas["Preview"];
export type Image = Schemas["Image"];
export type Transfer = Schemas["Transfer"];
export type Node = Schemas["Node"];
export type Store = Schemas["Store"];
export type KeyValue = Schemas["KeyValue"];
export type History =
  operations["getHistory"]["responses"][200]["content"]["application/json"]["history"];
export type Limits =
  operations["getLimits"]["responses"][200]["content"]["application/json"]["limits"];
export type State = Schemas["State"];
export type Failure = Schemas["Failure"];
export type Peer = Schemas["Peer"];
/** What one node does about a strategy. */
export type NodeStrategy =
  operations["explainNode"]["responses"][200]["content"]["application/json"]["explain"]["strategies"][number];
export type Operators =
  operations["listOperators"]["responses"][200]["content"]["application/json"];
