package pgbackrest

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// A conf of another version is no damaged repository: what is said of it stands before the answer.
func TestAnswer(t *testing.T) {
	const warnings = "P00   WARN: configuration file contains invalid option 'nothing-known'\n" +
		"P00   WARN: configuration file contains option 'pg1-path' invalid for section 'global'\n" +
		"P00   WARN: environment contains invalid option 'other'\n"
	for said, want := range map[string]string{
		"":                             "",
		"[]":                           "[]",
		warnings:                       "",
		warnings + "[]\n":              "[]\n",
		warnings + "P00   WARN: x\n[]": "P00   WARN: x\n[]",
		"[]\n" + warnings:              "[]\n" + warnings,
		"\n" + warnings:                "\n" + warnings,
	} {
		assert.Equal(t, want, string(answer([]byte(said))), said)
	}
}
