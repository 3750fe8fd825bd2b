import assert from "node:assert/strict";
import test from "node:test";
import { renderModule } from "../bin/render.js";
import { renderComment, renderType, type Schema } from "../bin/schema.js";

const TABLE: [schema: Schema, type: string][] = [
  [true, "unknown"],
  [false, "never"],
  [{}, "unknown"],
  [{ type: "string", format: "date-time" }, "string"],
  [{ type: "integer" }, "number"],
  [{ type: ["string", "null"] }, "string | null"],
  [{ const: "a" }, '"a"'],
  [{ enum: ["a", 1, null, true] }, '"a" | 1 | null | true'],
  [{ enum: [] }, "never"],
  [{ anyOf: [{ type: "string" }, { type: "null" }] }, "string | null"],
  [{ anyOf: [{ type: "string" }, {}] }, "unknown"],
  [{ anyOf: [{ type: "integer" }, { type: "number" }] }, "number"],
  [{ oneOf: [{ $ref: "#/$defs/A" }, { type: "boolean" }] }, "A | boolean"],
  [{ allOf: [{ $ref: "#/$defs/A" }, { enum: ["x", "y"] }] }, 'A & ("x" | "y")'],
  [{ $ref: "https://example.com/other" }, "unknown"],
  [{ type: "array" }, "unknown[]"],
  [{ type: "array", items: { type: ["string", "null"] } }, "(string | null)[]"],
  [{ type: "array", items: { type: "array", items: { type: "number" } } }, "(number[])[]"],
  [{ type: "array", prefixItems: [{ type: "string" }, {}] }, "[string, unknown]"],
  [
    { type: "array", prefixItems: [{ type: "string" }], items: { type: "number" } },
    "[string, ...number[]]",
  ],
  [{ type: "object" }, "Record<string, unknown>"],
  [{ type: "object", additionalProperties: { type: "string" } }, "Record<string, string>"],
  [{ type: "object", additionalProperties: false }, "Record<string, never>"],
  [
    { properties: { a: { type: "string" }, "b-c": { type: "null" } }, required: ["a"] },
    '{\n  a: string;\n  "b-c"?: null;\n}',
  ],
  [
    { type: "object", properties: { a: { type: "string" } }, additionalProperties: true },
    "{\n  a?: string;\n  [field: string]: unknown;\n}",
  ],
  [{ type: "nonsense" }, "unknown"],
  [{ anyOf: "nonsense" }, "unknown"],
];

for (const [schema, type] of TABLE) {
  test(`${JSON.stringify(schema)} is ${JSON.stringify(type)}`, () => {
    const resolve = (ref: string) => (ref === "#/$defs/A" ? "A" : undefined);
    assert.equal(renderType(schema, resolve), type);
  });
}

test("a schema without a bottom ends somewhere", () => {
  let schema: Schema = {};
  for (let depth = 0; depth < 10_000; depth += 1) {
    schema = { type: "array", items: schema };
  }
  assert.match(
    renderType(schema, () => undefined),
    /^\(+unknown\[\]/,
  );
});

test("a description cannot end its comment", () => {
  assert.equal(renderComment("a */ b", ""), "/** a *\\/ b */\n");
  assert.equal(renderComment("a\n  b", "  "), "  /**\n   * a\n   * b\n   */\n");
  assert.equal(renderComment(" \n", ""), "");
});

test("each graph has its types, and names that collide are kept apart", () => {
  const input_schema = {
    $defs: {
      Output: { type: "string" },
      Record: { type: "number" },
      "a.Contact": { properties: { next: { $ref: "#/$defs/a.Contact" } } },
    },
    properties: { to: { $ref: "#/$defs/a.Contact" }, said: { $ref: "#/$defs/Output" } },
  };
  const rest = { output_schema: null, context_schema: null };
  const module = renderModule({
    email_reply: { input_schema, ...rest },
    "email-reply": { input_schema: { type: "object" }, ...rest },
    "1st": { input_schema: null, ...rest },
  });
  for (const line of [
    "export declare namespace EmailReply {",
    "export declare namespace EmailReply2 {",
    "export declare namespace Graph1st {",
    "  export type Output2 = string;",
    "  export type Record2 = number;",
    "  export type Output = unknown;",
    "  export type Context = Record<string, unknown>;",
    "  export type AContact = {",
    "    next?: AContact;",
    "    said?: Output2;",
    '  "email_reply": { input: EmailReply2.Input; output: EmailReply2.Output; context: EmailReply2.Context };',
  ]) {
    assert.ok(module.split("\n").includes(line), `${line}\n\n${module}`);
  }
});

test("a part that two schemas share is one type, and one that differs is another", () => {
  const part = (type: string) => ({ $defs: { Part: { type } }, $ref: "#/$defs/Part" });
  const schemas = { input_schema: part("string"), context_schema: null };
  const same = renderModule({ x: { ...schemas, output_schema: part("string") } });
  assert.ok(!same.includes("Part2"));
  const different = renderModule({ x: { ...schemas, output_schema: part("number") } });
  assert.match(different, /type Part2 = number;\n {2}export type Output = Part2;/);
});
