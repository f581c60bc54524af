// The scenarios of test_real_http_servers.py on Node's http server.
// Usage: node server.mjs PORT TLS_PORT CERTIFICATE KEY
import fs from "node:fs";
import http from "node:http";
import https from "node:https";

const [port, tlsPort, cert, key] = process.argv.slice(2);
const LIMIT = 1024;

function send(answer, status, body, headers = {}) {
  answer.writeHead(status, { "Content-Length": Buffer.byteLength(body), ...headers });
  answer.end(body);
}

function serve(request, answer) {
  const path = request.url.split("?")[0];
  if (path === "/limited" && Number(request.headers["content-length"]) > LIMIT) {
    return send(answer, 413, "too large", { Connection: "close" });
  }
  let size = 0;
  request.on("data", (data) => (size += data.length));
  request.on("end", () => {
    switch (path) {
      case "/none":
        answer.writeHead(204);
        return answer.end();
      case "/busy":
        return send(answer, 503, "busy", { "Retry-After": "7" });
      case "/chunked":
        answer.write("x".repeat(3000));
        return answer.end("y".repeat(3000));
      case "/close":
        return send(answer, 200, "ok", { Connection: "close" });
      case "/hints":
        answer.writeEarlyHints({ link: "</style.css>; rel=preload" });
        return send(answer, 200, "ok");
      case "/cut":
        answer.writeHead(200, { "Content-Length": 100 });
        return answer.write("half", () => answer.destroy());
      case "/abort":
        return request.socket.destroy();
      default:
        return send(answer, 200, path === "/size" ? String(size) : "ok");
    }
  });
}

const options = { keepAliveTimeout: 60_000 };
http.createServer(options, serve).listen(Number(port), "127.0.0.1");
https
  .createServer({ ...options, cert: fs.readFileSync(cert), key: fs.readFileSync(key) }, serve)
  .listen(Number(tlsPort), "127.0.0.1");
