import tailwind from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// The server that `npm run dev` hands API requests to.
const server = process.env.PYBOT_URL ?? "http://127.0.0.1:8000";
const proxied = { target: server, ws: true };

export default defineConfig({
  plugins: [react(), tailwind()],
  // GraphiQL's workers load their parts when needed.
  worker: { format: "es" },
  build: {
    target: "es2023",
    outDir: "../pybot/web",
    emptyOutDir: true,
    // Inlined assets would be data: URLs in scripts, which the content security policy forbids.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      input: ["index.html", "graphiql.html"],
      output: {
        codeSplitting: {
          groups: [{ name: "react", test: /node_modules\/(react|react-dom|scheduler)\// }],
        },
      },
    },
  },
  server: { proxy: { "/graphql": proxied, "/outputs": proxied, "/sign-out": proxied } },
});
