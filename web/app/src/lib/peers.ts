import { answer, client } from "./api";
import type { Peer } from "./types";

export async function askPeers(): Promise<readonly Peer[]> {
  return (await answer(client.GET("/api/v1/peers"))).peers;
}
