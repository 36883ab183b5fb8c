package integrity

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/objectstore"
)

// A segment of every kind that pgBackRest writes is read, and is not what it was once a byte, its end or its passphrase
// is another.
func TestRead_Segments(t *testing.T) {
	text := bytes.Repeat([]byte("a WAL segment of this and that; "), 10_000)
	for _, compression := range []string{"", "gz", "lz4", "zst"} {
		for _, pass := range []string{"", "a passphrase"} {
			content := packed(t, text, compression)
			if pass != "" {
				content = sealed(t, content, pass)
			}
			object := func(content []byte, pass string) Object {
				return Object{Path: "seg", Bytes: int64(len(content)), Files: []File{
					{Name: "seg", Length: int64(len(content)), Plain: sum(text), Pass: pass, Compression: compression},
				}}
			}
			read := func(o Object, content []byte) []string {
				wrong, gone, err := o.Read(t.Context(), stored(t, map[string][]byte{"seg": content}))
				require.NoError(t, err)
				assert.False(t, gone)
				return wrong
			}
			about := compression + " " + pass
			assert.Empty(t, read(object(content, pass), content), about)
			for _, at := range []int{0, 3, len(content) / 2, len(content) - 1} {
				flipped := bytes.Clone(content)
				flipped[at] ^= 0x10
				assert.Len(t, read(object(content, pass), flipped), 1, "%s, byte %d of %d", about, at, len(content))
			}
			assert.Len(t, read(object(content, pass), content[:len(content)-17]), 1, about)
			assert.Len(t, read(object(content, pass), nil), 1, about)
			if pass != "" {
				assert.Len(t, read(object(content, "another"), content), 1, about)
			}
		}
	}
}

// An object without a byte is judged like any other: a file that was empty is well, a segment is damaged. No byte is
// asked of it, which a store refuses.
func TestRead_AnEmptyObject(t *testing.T) {
	for _, c := range []struct {
		file  File
		wrong int
	}{
		{File{Name: "empty", Stored: emptySum}, 0},
		{File{Name: "empty", Plain: emptySum}, 0},
		{File{Name: "segment", Plain: sum([]byte("text"))}, 1},
		{File{Name: "segment", Plain: sum([]byte("text")), Compression: "zst", Pass: "x"}, 1},
	} {
		o := Object{Path: "x", Files: []File{c.file}}
		wrong, gone, err := o.Read(t.Context(), ranged{stored(t, map[string][]byte{"x": nil})})
		require.NoError(t, err)
		assert.False(t, gone)
		assert.Len(t, wrong, c.wrong)
	}
}

// ranged is a store as S3 is: it has no first byte of an empty object.
type ranged struct{ objectstore.Directory }

func (r ranged) Open(ctx context.Context, name string, length int64) (io.ReadCloser, error) {
	if length > 0 {
		return nil, errors.New("416 InvalidRange")
	}
	return r.Directory.Open(ctx, name, length)
}

// Files of a bundle are told apart: the one that is damaged is named, and the others are read on.
func TestRead_Bundle(t *testing.T) {
	content := []byte("oneTWOthree___four")
	file := func(name string, from, to int) File {
		return File{Name: name, Offset: int64(from), Length: int64(to - from), Stored: sum(content[from:to])}
	}
	bundle := Object{Path: "bundle/1", Bytes: int64(len(content)), Files: []File{
		file("one", 0, 3), file("two", 3, 6), file("three", 6, 11), file("four", 14, 18),
	}}
	wrong, _, err := bundle.Read(t.Context(), stored(t, map[string][]byte{"bundle/1": content}))
	require.NoError(t, err)
	assert.Empty(t, wrong)

	content[4] = 'w'
	content[12] = 'x' // of no file
	wrong, _, err = bundle.Read(t.Context(), stored(t, map[string][]byte{"bundle/1": content}))
	require.NoError(t, err)
	assert.Equal(t, []string{"bundle/1 (two): has a wrong checksum"}, wrong)

	wrong, _, err = bundle.Read(t.Context(), stored(t, map[string][]byte{"bundle/1": content[:8]}))
	require.NoError(t, err)
	assert.Equal(t, []string{
		"bundle/1 (two): has a wrong checksum", "bundle/1 (three): is cut", "bundle/1 (four): is cut",
	}, wrong)
}

// broken is a store that breaks off.
type broken struct {
	objectstore.Objects
	err error
}

func (b broken) Open(context.Context, string, int64) (io.ReadCloser, error) {
	return io.NopCloser(io.MultiReader(bytes.NewReader([]byte("Salted__saltsalt")), iotest.ErrReader(b.err))), nil
}

// What went wrong with the store is no word on what it holds, wherever the reading stood; what is gone is gone.
func TestRead_AStoreThatBreaksOffProvesNothing(t *testing.T) {
	for _, file := range []File{
		{Length: 100, Stored: sum(nil)},
		{Length: 100, Plain: sum(nil), Pass: "x"},
		{Length: 100, Plain: sum(nil), Pass: "x", Compression: "zst"},
		{Offset: 50, Length: 50, Stored: sum(nil)},
	} {
		object := Object{Path: "x", Bytes: 100, Files: []File{file}}
		for _, cause := range []error{errors.New("connection reset"), io.ErrUnexpectedEOF} {
			wrong, _, err := object.Read(t.Context(), broken{err: cause})
			require.ErrorIs(t, err, cause)
			assert.Empty(t, wrong)
		}
		wrong, gone, err := object.Read(t.Context(), broken{err: objectstore.ErrNoObject})
		require.NoError(t, err)
		assert.True(t, gone)
		assert.Equal(t, []string{"x is missing"}, wrong)
		wrong, _, err = object.Read(t.Context(), broken{err: syscall.EIO})
		require.NoError(t, err)
		assert.Equal(t, []string{"x: input/output error"}, wrong, "the disk below it says so")
	}
	_, gone, err := Object{Path: "none"}.Read(t.Context(), objectstore.Directory(t.TempDir()))
	require.NoError(t, err)
	assert.True(t, gone)
}

// What unpacks to more than it should is not unpacked to its end.
func TestRead_ABombIsWrong(t *testing.T) {
	bomb := packed(t, make([]byte, 8<<20), "zst")
	require.Less(t, len(bomb), 1<<20)
	object := Object{Path: "x", Bytes: int64(len(bomb)), Files: []File{
		{Length: int64(len(bomb)), Plain: sum(make([]byte, 100)), PlainBytes: 100, Compression: "zst"},
	}}
	wrong, _, err := object.Read(t.Context(), stored(t, map[string][]byte{"x": bomb}))
	require.NoError(t, err)
	assert.Equal(t, []string{"x: has a wrong checksum"}, wrong)
}

// Whatever stands in an object, reading it ends, and only the text whose checksum it is passes.
func FuzzRead(f *testing.F) {
	f.Add(sealed(f, packed(f, []byte("text"), "zst"), "pass"), "zst")
	f.Add(sealed(f, packed(f, []byte("text"), "lz4"), "pass"), "lz4")
	f.Add(sealed(f, []byte("text"), "pass"), "")
	f.Add([]byte("Salted__"), "gz")
	f.Fuzz(func(t *testing.T, content []byte, compression string) {
		root := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(root, "x"), content, 0o600))
		object := Object{Path: "x", Bytes: int64(len(content)), Files: []File{{
			Length: int64(len(content)), Plain: sum([]byte("nothing writes this")), PlainBytes: 1 << 20, Pass: "pass",
			Compression: compression,
		}}}
		wrong, _, err := object.Read(t.Context(), objectstore.Directory(root))
		require.NoError(t, err)
		require.Len(t, wrong, 1)
	})
}
