package runner

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/testprom/evidence"
	"veza.fr/recovery/internal/testprom/report"
)

const schemaDir = "../../../fixtures/schemas/"

func schemaOf(t *testing.T, name string) *jsonschema.Schema {
	t.Helper()
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	s, err := compiler.Compile(schemaDir + name + ".schema.json")
	require.NoError(t, err)
	return s
}

func valueOf(t *testing.T, text []byte) any {
	t.Helper()
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	require.NoError(t, err)
	return value
}

// predicateOf is what an envelope states.
func predicateOf(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	var envelope evidence.Envelope
	require.NoError(t, json.Unmarshal(text, &envelope))
	payload, err := base64.StdEncoding.DecodeString(envelope.Payload)
	require.NoError(t, err)
	var statement evidence.Statement
	require.NoError(t, json.Unmarshal(payload, &statement))
	return statement.Predicate
}

func TestSchemas_HoldForEveryRecordedRun(t *testing.T) {
	report, line, predicate := schemaOf(t, "report"), schemaOf(t, "history"), schemaOf(t, "evidence")
	for _, c := range streamCases(t) {
		stream, err := os.ReadFile(c.path("jsonl"))
		require.NoError(t, err)
		dir := t.TempDir()
		w, _, errs := world(bytes.NewReader(stream))
		Main([]string{
			"-suite", c.suite().Name, "-report", dir + "/r", "-history", dir + "/h", "-evidence", dir + "/evidence",
		}, w)
		require.Empty(t, errs.String())
		for path, schema := range map[string]*jsonschema.Schema{"/r": report, "/h": line} {
			text, err := os.ReadFile(dir + path)
			require.NoError(t, err)
			require.NoError(t, schema.Validate(valueOf(t, text)), "%s%s", c.name, path)
		}
		stated := predicateOf(t, filepath.Join(dir, "evidence", evidence.FileName(1)))
		require.NoError(t, predicate.Validate(valueOf(t, stated)), c.name)
	}
}

// A schema that lets everything through proves nothing.
func TestSchemas_RefuseWhatIsNoReport(t *testing.T) {
	dir := t.TempDir()
	w, _, _ := world(bytes.NewReader(passing(t)))
	require.Equal(t, 0, Main([]string{"-report", dir + "/r"}, w))
	text, err := os.ReadFile(dir + "/r")
	require.NoError(t, err)
	schema := schemaOf(t, "report")
	require.NoError(t, schema.Validate(valueOf(t, text)))
	for name, change := range map[string]func(map[string]any){
		"another version":    func(r map[string]any) { r["schema"] = 2 },
		"no stanza":          func(r map[string]any) { delete(r, "stanza") },
		"a pass that is a 1": func(r map[string]any) { r["exit_status"] = 1 },
		"a pass for a cause": func(r map[string]any) { r["reason"] = "wal_missing" },
		"a time that is none": func(r map[string]any) {
			r["ended"] = "yesterday"
		},
		"a number as text": func(r map[string]any) {
			r["measurements"].([]any)[0].(map[string]any)["value"] = "1"
		},
		"an outcome nobody knows": func(r map[string]any) {
			r["steps"].([]any)[0].(map[string]any)["outcome"] = "fine"
		},
	} {
		var report map[string]any
		require.NoError(t, json.Unmarshal(text, &report))
		change(report)
		changed, err := json.Marshal(report)
		require.NoError(t, err)
		assert.Error(t, schema.Validate(valueOf(t, changed)), name)
	}
}

// The schemas know every field that is written, and no other.
func TestSchemas_NameTheFieldsThatAreWritten(t *testing.T) {
	for name, of := range map[string]any{"report": document{}, "history": document{}, "evidence": evidence.Run{}} {
		text, err := os.ReadFile(schemaDir + name + ".schema.json")
		require.NoError(t, err)
		var schema map[string]any
		require.NoError(t, json.Unmarshal(text, &schema))
		written := fieldsOf(reflect.TypeOf(of))
		if name == "history" {
			written = slices.DeleteFunc(written, func(f string) bool { return strings.HasSuffix(f, "output") })
			assert.NotContains(t, string(text), `"output"`)
		}
		assert.ElementsMatch(t, written, described(schema, schema, ""), name)
	}
}

// fieldsOf are the names of a type's JSON fields, those of its parts as part.name.
func fieldsOf(of reflect.Type) (names []string) {
	for f := range of.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous && name == "" {
			names = append(names, fieldsOf(f.Type)...)
			continue
		}
		names = append(names, name)
		part := f.Type
		for part.Kind() == reflect.Slice || part.Kind() == reflect.Pointer {
			part = part.Elem()
		}
		if part.Kind() == reflect.Struct && strings.HasPrefix(part.PkgPath(), "veza.fr/") {
			for _, below := range fieldsOf(part) {
				names = append(names, name+"."+below)
			}
		}
	}
	return names
}

// described are the names of a schema's properties, in the same way.
func described(root, schema map[string]any, prefix string) (names []string) {
	if ref, ok := schema["$ref"].(string); ok {
		schema = root["$defs"].(map[string]any)[strings.TrimPrefix(ref, "#/$defs/")].(map[string]any)
	}
	if items, ok := schema["items"].(map[string]any); ok {
		return described(root, items, prefix)
	}
	properties, _ := schema["properties"].(map[string]any)
	for name, below := range properties {
		names = append(names, prefix+name)
		names = append(names, described(root, below.(map[string]any), prefix+name+".")...)
	}
	return names
}

// A change of a schema is a line of its page and of the changelog, and the version is the one that is written.
func TestSchemas_ChangeWithALine(t *testing.T) {
	page, err := os.ReadFile(schemaDir + "README.md")
	require.NoError(t, err)
	log, err := os.ReadFile("../../../.github/CHANGELOG.md")
	require.NoError(t, err)
	for name, version := range map[string]string{"report": "1", "history": "1", "evidence": "1"} {
		text, err := os.ReadFile(schemaDir + name + ".schema.json")
		require.NoError(t, err)
		sum := sha256.Sum256(text)
		line := regexp.MustCompile("`" + name + `\.schema\.json.*\| (\d+) \| ` + "`([0-9a-f]{16})` \\| .+ \\|\n")
		lines := line.FindAllSubmatch(page, -1)
		require.NotEmpty(t, lines, name)
		newest := lines[len(lines)-1]
		assert.Equal(t, hex.EncodeToString(sum[:])[:16], string(newest[2]),
			"%s.schema.json was changed: add a line to fixtures/schemas/README.md and to the changelog, with another "+
				"version when a field changed its meaning or went", name)
		assert.Equal(t, version, string(newest[1]), name)
		assert.Contains(t, string(text), `"const": `+version, name)
		assert.Contains(t, string(log), name+" "+version, "the changelog names the version")
	}
	assert.Equal(t, 1, report.Schema)
	assert.Equal(t, 1, evidence.RunSchema)
}
