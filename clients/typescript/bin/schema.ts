/** From JSON Schema, as pydantic writes it, to a TypeScript type. Pure. */

export type Schema = boolean | { [keyword: string]: unknown };

/** The name under which a `$ref` is declared; undefined for one that leads nowhere. */
export type Resolve = (ref: string) => string | undefined;

/** Deeper than this, anything goes. */
const DEEPEST = 50;
const PLAIN_KEY = /^[A-Za-z_$][\w$]*$/;
const PRIMITIVES: Record<string, string> = {
  string: "string",
  number: "number",
  integer: "number",
  boolean: "boolean",
  null: "null",
};

/**
 * A type expression, over several lines where it has properties.
 *
 * What the schema does not say, and what TypeScript cannot, is `unknown` or left out.
 */
export function renderType(schema: Schema, resolve: Resolve, depth = 0): string {
  if (typeof schema === "boolean") {
    return schema ? "unknown" : "never";
  }
  if (depth > DEEPEST) {
    return "unknown";
  }
  const inner = (part: Schema) => renderType(part, resolve, depth + 1);
  if (typeof schema.$ref === "string") {
    return resolve(schema.$ref) ?? "unknown";
  }
  if ("const" in schema) {
    return renderLiteral(schema.const);
  }
  if (Array.isArray(schema.enum)) {
    return join(schema.enum.map(renderLiteral), " | ");
  }
  for (const [keyword, sign] of [
    ["anyOf", " | "],
    ["oneOf", " | "],
    ["allOf", " & "],
  ] as const) {
    const parts = listSchemas(schema[keyword]);
    if (parts.length > 0) {
      return join(parts.map(inner), sign);
    }
  }
  const kinds = Array.isArray(schema.type) ? schema.type : [schema.type];
  return join(
    kinds.map((kind) => renderKind(kind, schema, inner)),
    " | ",
  );
}

/** A doc comment of one line or several, with its line break; empty without a text. */
export function renderComment(text: unknown, indent: string): string {
  if (typeof text !== "string" || text.trim() === "") {
    return "";
  }
  const lines = text
    .trim()
    .replaceAll("*/", "*\\/")
    .split(/\s*\n\s*/);
  if (lines.length === 1) {
    return `${indent}/** ${lines[0]} */\n`;
  }
  return `${indent}/**\n${lines.map((line) => `${indent} * ${line}\n`).join("")}${indent} */\n`;
}

type Render = (schema: Schema) => string;

function renderKind(kind: unknown, schema: { [keyword: string]: unknown }, inner: Render): string {
  if (kind === "array") {
    return renderArray(schema, inner);
  }
  if (kind === "object" || (kind === undefined && isRecord(schema.properties))) {
    return renderObject(schema, inner);
  }
  return (typeof kind === "string" && PRIMITIVES[kind]) || "unknown";
}

function renderArray(
  { items, prefixItems }: { [keyword: string]: unknown },
  inner: Render,
): string {
  const rest = isSchema(items) ? inner(items) : "unknown";
  const first = listSchemas(prefixItems).map(inner);
  if (first.length === 0) {
    return `${parenthesize(rest)}[]`;
  }
  const open = items === false || items === undefined ? [] : [`...${parenthesize(rest)}[]`];
  return `[${[...first, ...open].join(", ")}]`;
}

function renderObject(schema: { [keyword: string]: unknown }, inner: Render): string {
  const { properties, required, additionalProperties: more } = schema;
  const fields = Object.entries(isRecord(properties) ? properties : {});
  if (fields.length === 0) {
    const value = isSchema(more) ? inner(more) : "unknown";
    return more === false ? "Record<string, never>" : `Record<string, ${value}>`;
  }
  const needed = new Set(Array.isArray(required) ? required : []);
  const lines = fields.map(([name, field]) => {
    const key = PLAIN_KEY.test(name) ? name : JSON.stringify(name);
    const comment = isRecord(field) ? renderComment(field.description, "  ") : "";
    const value = isSchema(field) ? inner(field) : "unknown";
    return `${comment}  ${key}${needed.has(name) ? "" : "?"}: ${indent(value)};\n`;
  });
  if (more !== undefined && more !== false) {
    lines.push("  [field: string]: unknown;\n");
  }
  return `{\n${lines.join("")}}`;
}

function renderLiteral(value: unknown): string {
  const isPlain = value === null || ["string", "number", "boolean"].includes(typeof value);
  return isPlain ? JSON.stringify(value) : "unknown";
}

function join(types: string[], sign: string): string {
  const different = [...new Set(types)];
  if (different.length === 0) {
    return "never";
  }
  if (sign === " | " && different.includes("unknown")) {
    return "unknown";
  }
  return different.length === 1
    ? (different[0] as string)
    : different.map((type) => (sign === " & " ? parenthesize(type) : type)).join(sign);
}

function parenthesize(type: string): string {
  return /^[\w.]+$/.test(type) ? type : `(${type})`;
}

function indent(text: string): string {
  return text.replaceAll("\n", "\n  ");
}

function listSchemas(value: unknown): Schema[] {
  return Array.isArray(value) ? value.filter(isSchema) : [];
}

export function isSchema(value: unknown): value is Schema {
  return typeof value === "boolean" || isRecord(value);
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
