import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vite";

// `npm run dev` serves the page and passes the rest on to a node.
const node = process.env.DISTROMASH_API ?? "127.0.0.1:3000";
const proxied = { target: `http://${node}`, changeOrigin: true };

export default defineConfig({
  plugins: [svelte()],
  server: {
    host: "127.0.0.1",
    proxy: { "/api": proxied, "/swagger": proxied, "/metrics": proxied },
  },
  build: {
    target: "es2023",
    // Inlined assets would be data: URLs in scripts; the policy of the page allows none.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
});
