// Package damage changes the files of a cluster as a disk, a firmware or a careless hand does: what a backup then
// copies is not what the server has in memory.
package damage

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"os"
	"path/filepath"

	"github.com/jackc/pgx/v5"
)

// pageSize is PostgreSQL's, as it is built everywhere.
const pageSize = 8192

// Way is one way to change a file: its content before and after. The argument is left as it is.
type Way func(file []byte) []byte

// None leaves a file as it is.
func None(file []byte) []byte { return file }

// NoPages empties a file.
func NoPages([]byte) []byte { return nil }

// FourPages is all that is left of a file.
func FourPages(file []byte) []byte { return file[:4*pageSize] }

// ZeroPages has two pages hold nothing but zeroes.
func ZeroPages(file []byte) []byte {
	return append(append(bytes.Clone(file[:3*pageSize]), make([]byte, 2*pageSize)...), file[5*pageSize:]...)
}

// ZeroFirst has the first page hold nothing but zeroes.
func ZeroFirst(file []byte) []byte {
	return append(make([]byte, pageSize), file[pageSize:]...)
}

// ZeroHalf has half of the first page hold nothing but zeroes, as a disk does that wrote the other one alone.
func ZeroHalf(file []byte) []byte {
	return append(append(bytes.Clone(file[:pageSize/2]), make([]byte, pageSize/2)...), file[pageSize:]...)
}

// MorePages adds two pages of zeroes.
func MorePages(file []byte) []byte { return append(bytes.Clone(file), make([]byte, 2*pageSize)...) }

// NoHeader breaks what a page begins with.
func NoHeader(file []byte) []byte {
	return append(bytes.Repeat([]byte{0x55}, 64), file[64:]...)
}

// Replaced replaces a text, which stands in a file, by another one of the same length.
func Replaced(old, text string) Way {
	return func(file []byte) []byte { return bytes.ReplaceAll(file, []byte(old), []byte(text)) }
}

// SetBack changes the value that a sequence goes on with.
func SetBack(from, to int64) Way {
	number := func(n int64) string { return string(binary.LittleEndian.AppendUint64(nil, uint64(n))) }
	return Replaced(number(from), number(to))
}

// DeadRow has the row of a name in pg_class look as if its transaction had never committed (htup_details.h: t_infomask
// at byte 20 of a row, whose columns begin at 32, the name behind an OID).
func DeadRow(name string) Way {
	return func(file []byte) []byte {
		file = bytes.Clone(file)
		word := append([]byte(name), 0)
		for at := 0; ; at += len(word) {
			next := bytes.Index(file[at:], word)
			if next < 0 {
				return file
			}
			at += next
			mask := file[at-36+20 : at-36+22]
			const committed, invalid = 0x0100, 0x0200
			bits := binary.LittleEndian.Uint16(mask)
			binary.LittleEndian.PutUint16(mask, bits&^committed|invalid)
		}
	}
}

// Path is the file of a relation of the database that conn is in. The relation is a name, or an expression in brackets.
func Path(ctx context.Context, conn *pgx.Conn, data, relation string) (string, error) {
	if relation[0] != '(' {
		relation = "'" + relation + "'"
	}
	var file string
	err := conn.QueryRow(ctx, "SELECT pg_relation_filepath("+relation+")").Scan(&file)
	return filepath.Join(data, file), err
}

// File changes a file, or with no way to change it moves it aside, and returns what mends it.
func File(path string, how Way) (mend func() error, err error) {
	if how == nil {
		return Aside(path)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return func() error { return Overwrite(path, whole) }, Overwrite(path, how(whole))
}

// Aside moves a file to where no backup copies it, and returns what moves it back. PostgreSQL and pgBackRest alike take
// what begins with pgsql_tmp for scratch. Under any other name pgBackRest would have copied it and, where it is no
// relation's, told it as damaged pages, at which restore ends since 2.60. The server may have the file open.
func Aside(path string) (back func() error, err error) {
	aside := filepath.Join(filepath.Dir(path), "pgsql_tmp."+filepath.Base(path))
	return func() error { return os.Rename(aside, path) }, os.Rename(path, aside)
}

// Overwrite changes a file in place: the server has it open.
func Overwrite(path string, content []byte) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	return cmp.Or(err, file.Close())
}
