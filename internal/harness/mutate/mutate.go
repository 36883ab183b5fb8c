// Package mutate breaks a program on purpose, one place at a time, and asks its tests
// whether they notice: a mutant that survives is a rule nothing holds.
//
// The kept tools (go-gremlins, go-mutesting) leave _test.go files alone, and the drill's
// rules stand in such files; beyond that they know no way to have the tests of another
// package judge. The mutated file takes the place of the real one by the go command's
// -overlay, so that the checkout is never touched.
package mutate

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
)

// Mutant is one change of one file.
type Mutant struct {
	File   string
	Line   int
	Change string // what was put in the place of what: `<` -> `<=`
	from   int    // bytes of the file that are replaced
	to     int
	by     string
}

// String names the mutant as a compiler names a place.
func (m Mutant) String() string { return fmt.Sprintf("%s:%d: %s", m.File, m.Line, m.Change) }

// Write writes the mutated file, and the overlay that puts it in the place of the real
// one, into dir; it returns the overlay's path.
func (m Mutant) Write(dir string) (string, error) {
	content, err := os.ReadFile(m.File)
	if err != nil {
		return "", err
	}
	original, err := filepath.Abs(m.File)
	if err != nil {
		return "", err
	}
	mutated := filepath.Join(dir, filepath.Base(m.File))
	changed := string(content[:m.from]) + m.by + string(content[m.to:])
	if err := os.WriteFile(mutated, []byte(changed), 0o600); err != nil {
		return "", err
	}
	overlay := filepath.Join(dir, "overlay.json")
	return overlay, os.WriteFile(overlay, fmt.Appendf(nil, `{"Replace": {%q: %q}}`, original, mutated), 0o600)
}

// Of lists the mutants of a file, in its order.
func Of(file string) ([]Mutant, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	set := token.NewFileSet()
	tree, err := parser.ParseFile(set, file, content, 0)
	if err != nil {
		return nil, err
	}
	w := walker{file: file, content: content, set: set}
	for _, declaration := range tree.Decls {
		if f, ok := declaration.(*ast.FuncDecl); ok && f.Body != nil {
			w.function(f.Type, f.Body)
		}
	}
	slices.SortFunc(w.found, func(a, b Mutant) int { return a.from - b.from })
	return w.found, nil
}

// walker collects the mutants of one file.
type walker struct {
	file    string
	content []byte
	set     *token.FileSet
	found   []Mutant
}

func (w *walker) offset(p token.Pos) int { return w.set.Position(p).Offset }

func (w *walker) text(from, to token.Pos) string {
	return string(w.content[w.offset(from):w.offset(to)])
}

// replace adds the mutant that has by in the place of what stands between two places.
func (w *walker) replace(from, to token.Pos, by string) {
	was := w.text(from, to)
	w.found = append(w.found, Mutant{
		File: w.file, Line: w.set.Position(from).Line, Change: fmt.Sprintf("`%s` -> `%s`", short(was), short(by)),
		from: w.offset(from), to: w.offset(to), by: by,
	})
}

// None changes nothing: the command must pass with it.
func None(file string) Mutant { return Mutant{File: file, Change: "nothing"} }
