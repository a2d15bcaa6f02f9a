// Reads an AsyncAPI document with the official parser; prints what it finds as JSON.
import { readFileSync } from "node:fs";
import { Parser } from "@asyncapi/parser";

const { document, diagnostics } = await new Parser().parse(readFileSync(process.argv[2], "utf8"));
console.log(
  JSON.stringify({
    diagnostics: diagnostics.map(({ severity, code, message, path }) => ({ severity, code, message, path: path.join(".") })),
    channels: document?.channels().all().map((channel) => channel.address()) ?? [],
    operations: document?.operations().all().map((operation) => [operation.id(), operation.action()]) ?? [],
    messages: document?.messages().all().map((message) => [message.name(), message.contentType()]) ?? [],
  }),
);
