// Writes grafana.json beside this file: Grafana's own types of a dashboard, and of the panels that we use, as JSON Schema.
// README.md says how to run it.
const fs = require("fs");
const path = require("path");
const schema = require("typescript-json-schema");

const RAW = "@grafana/schema/dist/types/raw";
// Kind of panel → its types; the kind is written without its hyphen, as Grafana names the folder.
const KINDS = {
  timeseries: ["Options", "FieldConfig"],
  stat: ["Options"],
  table: ["Options", "FieldConfig"],
  statetimeline: ["Options", "FieldConfig"],
  heatmap: ["Options", "FieldConfig"],
  text: ["Options"],
};

const lines = [`import * as board from "${RAW}/dashboard/x/types.gen";`];
const names = [];
const add = (name, type) => {
  lines.push(`export interface ${name} extends ${type} {}`);
  names.push(name);
};
add("GrafanaDashboard", "board.Dashboard");
add("GrafanaPanel", "board.Panel");
add("GrafanaRow", "board.RowPanel");
for (const [kind, types] of Object.entries(KINDS)) {
  lines.push(`import * as ${kind} from "${RAW}/composable/${kind}/panelcfg/x/types.gen";`);
  for (const type of types) add(`${kind}${type}`, `${kind}.${type}`);
}

const source = path.resolve("types.ts");
fs.writeFileSync(source, lines.join("\n"));
const options = { skipLibCheck: true, strictNullChecks: true, moduleResolution: "node", types: [] };
const program = schema.getProgramFromFiles([source], options, process.cwd());
// noExtraProps: a misspelt key is an error, where Grafana would leave it out without a word.
const generator = schema.buildGenerator(program, { required: true, ignoreErrors: true, noExtraProps: true });
const made = generator.getSchemaForSymbols(names);

// Prose is Grafana's own, and nothing is checked by it.
const bare = (node) => {
  if (Array.isArray(node)) return node.map(bare);
  if (node === null || typeof node !== "object") return node;
  const keep = ([key, value]) => key !== "description" || typeof value !== "string";
  return Object.fromEntries(Object.entries(node).filter(keep).sort().map(([key, value]) => [key, bare(value)]));
};
made.definitions = bare(made.definitions);
// Grafana's source of data adds keys of its own to an annotation (expr, titleFormat), and its type does not know them.
made.definitions.AnnotationQuery.additionalProperties = true;
// noExtraProps closes maps as well, which have no key of their own.
for (const [name, one] of Object.entries(made.definitions)) {
  const values = /^Record<string,(.+)>$/.exec(name);
  if (!values) continue;
  const kinds = { unknown: true, string: { type: "string" } };
  one.additionalProperties = kinds[values[1]] ?? { $ref: `#/definitions/${values[1]}` };
}
const version = require("@grafana/schema/package.json").version;
const text = { $comment: `Made from @grafana/schema ${version} (Apache-2.0, Grafana Labs), do not edit`, ...made };
fs.writeFileSync(path.join(__dirname, "grafana.json"), JSON.stringify(text, null, 1) + "\n");
