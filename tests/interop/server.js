// SPDX-License-Identifier: BSL-1.0
// What a client has to cope with: node server.js; prints the port it listens on, and ends with its standard input.
"use strict";
const http = require("http");
const zlib = require("zlib");

const counts = new Map(); // by name
const held = new Map(); // id -> {response, closed}
const floods = new Map(); // id -> {sent, closed}
const jobs = new Map(); // id -> {polls, cancelled}
let active = 0;
let mostActive = 0;
let connections = 0;

const count = (name) => {
  counts.set(name, (counts.get(name) || 0) + 1);
  return counts.get(name);
};
const reply = (res, status, body, headers = {}) => {
  res.writeHead(status, { "Content-Type": "text/plain", ...headers });
  res.end(body);
};
const body = (req) =>
  new Promise((done) => {
    const parts = [];
    req.on("data", (part) => parts.push(part));
    req.on("end", () => done(Buffer.concat(parts)));
  });

const routes = {
  // The request as it came.
  async echo(req, res) {
    const lines = [`${req.method} ${req.url}`];
    for (let i = 0; i < req.rawHeaders.length; i += 2) lines.push(`${req.rawHeaders[i]}: ${req.rawHeaders[i + 1]}`);
    const sent = await body(req);
    reply(res, 200, Buffer.concat([Buffer.from(lines.join("\n") + "\n\n"), sent]));
  },
  delay: (req, res, ms) => setTimeout(() => reply(res, 200, "late"), Number(ms)),
  status: (req, res, code) => reply(res, Number(code), req.method === "HEAD" ? undefined : `status ${code}`),
  retry: (req, res, code, after) => reply(res, Number(code), "later", { "Retry-After": decodeURIComponent(after) }),
  // Fails `times` times, then answers; each name by itself.
  flaky(req, res, name, times) {
    const n = count("flaky/" + name);
    n > Number(times) ? reply(res, 200, String(n)) : reply(res, 503, "not yet", { "Retry-After": "0" });
  },
  async count(req, res, name) {
    await body(req);
    reply(res, 200, String(count(name)));
  },
  counted: (req, res, name) => reply(res, 200, String(counts.get(name) || 0)),
  async reset(req, res, name) {
    await body(req);
    count(name);
    req.socket.resetAndDestroy ? req.socket.resetAndDestroy() : req.socket.destroy();
  },
  async hangup(req, res, name) {
    await body(req);
    count(name);
    req.socket.end();
  },
  // Answers, and hangs up at whatever comes next on that connection.
  async last(req, res) {
    await body(req);
    req.socket.doomed = true;
    reply(res, 200, "last");
  },
  cut(req, res) {
    res.writeHead(200, { "Content-Length": "1000" });
    res.write("ten bytes.", () => req.socket.destroy());
  },
  garbage: (req, res, what) => {
    const texts = {
      noise: "\x01\x02\x03 this is not HTTP\r\n\r\n",
      name: "HTTP/1.1 200 OK\r\nbad name: x\r\nContent-Length: 0\r\n\r\n",
      nocolon: "HTTP/1.1 200 OK\r\nnothing\r\nContent-Length: 0\r\n\r\n",
      control: "HTTP/1.1 200 OK\r\nX: a\x01b\r\nContent-Length: 0\r\n\r\n",
      gzip: "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nnope!",
      nothing: "",
    };
    req.socket.end(texts[what]);
  },
  big: (req, res, size) => reply(res, 200, "x".repeat(Number(size))),
  // Without end, as long as somebody reads.
  endless(req, res) {
    res.writeHead(200);
    const more = () => {
      while (!res.destroyed && res.write("y".repeat(65536)));
    };
    res.on("drain", more);
    more();
  },
  // The same, and tells how much was taken from it.
  flood(req, res, id) {
    const entry = { sent: 0, closed: false };
    floods.set(id, entry);
    res.writeHead(200);
    const part = "y".repeat(65536);
    const more = () => {
      while (!res.destroyed && res.write(part)) entry.sent += part.length;
    };
    res.on("drain", more);
    res.on("close", () => (entry.closed = true));
    more();
  },
  flooded: (req, res, id) => reply(res, 200, (floods.get(id).closed ? "closed " : "open ") + floods.get(id).sent),
  // Events 1 to n, three a connection, which then breaks off.
  events(req, res, n) {
    const last = Number(req.headers["last-event-id"] || 0);
    if (last >= Number(n)) return reply(res, 204);
    res.writeHead(200, { "Content-Type": "text/event-stream" });
    res.write("retry: 1\n\n");
    for (let i = last + 1; i <= Math.min(last + 3, Number(n)); ++i) res.write(`id: ${i}\nevent: tick\ndata: event ${i}\n\n`);
    setTimeout(() => res.destroy(), 20);
  },
  slowly(req, res, ms) {
    res.writeHead(200);
    res.write("slow");
    setTimeout(() => res.end("ly"), Number(ms));
  },
  drip(req, res) {
    res.writeHead(200, { "Content-Length": "1000000" });
    res.write(".");
    const timer = setInterval(() => res.write("."), 20);
    res.on("close", () => clearInterval(timer));
  },
  fields(req, res, n) {
    const headers = {};
    for (let i = 0; i < Number(n); ++i) headers["X-" + i] = "v".repeat(1000);
    reply(res, 200, "many", headers);
  },
  twice: (req, res) => {
    res.setHeader("X-Twice", ["1", "2"]);
    reply(res, 200, "");
  },
  gzip: (req, res, size) => {
    const packed = (req.headers["accept-encoding"] || "").includes("gzip");
    const text = "z".repeat(Number(size));
    packed ? reply(res, 200, zlib.gzipSync(text), { "Content-Encoding": "gzip" }) : reply(res, 200, text);
  },
  // /redirect/CODE/TARGET, the target escaped
  redirect: (req, res, code, target) => reply(res, Number(code), "moved", { Location: decodeURIComponent(target) }),
  hops: (req, res, n) =>
    Number(n) === 0 ? reply(res, 200, "there") : reply(res, 302, "", { Location: "../hops/" + (Number(n) - 1) }),
  hold(req, res, id) {
    const entry = { res, closed: false };
    held.set(id, entry);
    res.on("close", () => (entry.closed = true));
  },
  held: (req, res, id) => reply(res, 200, !held.has(id) ? "no" : held.get(id).closed ? "closed" : "open"),
  release(req, res, id) {
    reply(held.get(id).res, 200, "released");
    reply(res, 200, "");
  },
  async gauge(req, res) {
    active += 1;
    mostActive = Math.max(mostActive, active);
    setTimeout(() => {
      active -= 1;
      reply(res, 200, "gauge");
    }, 10);
  },
  most: (req, res) => reply(res, 200, String(mostActive)),
  connections: (req, res) => reply(res, 200, String(connections)),
  // 202 and a ticket that is done at its nth look; how it then answers is the first part.
  async job(req, res, kind, looks) {
    const id = String(jobs.size + 1);
    await body(req);
    const wishes = (req.headers["prefer"] || "").split(/\s*,\s*/);
    if (!wishes.includes("respond-async")) return reply(res, 200, "at once");
    jobs.set(id, { kind, looks: Number(looks), cancelled: false, prefer: req.headers["prefer"] });
    const location = kind === "nowhere" ? {} : { Location: "/ticket/" + id };
    reply(res, 202, "wait", { ...location, "Retry-After": "0", "Preference-Applied": "respond-async", "X-Id": id });
  },
  ticket(req, res, id) {
    const job = jobs.get(id);
    if (job === undefined) return reply(res, 404, "no such ticket");
    if (req.method === "DELETE") {
      job.cancelled = true;
      return reply(res, 204);
    }
    job.looks -= 1;
    if (job.looks > 0) return reply(res, 202, "not yet", { "Retry-After": job.kind === "slow" ? "3600" : "0" });
    if (job.kind === "other") return reply(res, 303, "", { Location: "/result/" + id });
    if (job.kind === "gone") return reply(res, 410, "gone");
    reply(res, 200, "result of " + id);
  },
  result: (req, res, id) => reply(res, 200, "result of " + id),
  jobstate(req, res, id) {
    const job = jobs.get(id);
    reply(res, 200, job === undefined ? "none" : job.cancelled ? "cancelled" : "open");
  },
};

const server = http.createServer((req, res) => {
  if (req.socket.doomed) {
    body(req).then(() => {
      count("doomed");
      req.socket.destroy();
    });
    return;
  }
  const [name, ...rest] = req.url.split("?")[0].slice(1).split("/");
  const route = Object.prototype.hasOwnProperty.call(routes, name) ? routes[name] : undefined;
  route ? route(req, res, ...rest) : reply(res, 404, "no such route");
});
server.on("connection", () => (connections += 1));
server.on("clientError", (error, socket) => socket.destroy());
server.keepAliveTimeout = 60000;
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
process.stdin.resume();
process.stdin.on("end", () => process.exit(0));
