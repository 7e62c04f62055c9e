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
export type Peer =
  operations["listPeers"]["responses"][200]["content"]["application/json"]["peers"][number];
