package integrity

import (
	"bytes"
	"compress/bzip2"
	"compress/gzip"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha1"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// errDecode is content that is not what pgBackRest writes.
var errDecode = errors.New("cannot be decrypted or unpacked")

// plain is what an object holds: decrypted, then unpacked. close frees what that takes.
func plain(content io.Reader, pass, compression string) (text io.Reader, closing func(), err error) {
	closing = func() {}
	if pass != "" {
		if content, err = decrypted(content, pass); err != nil {
			return nil, closing, err
		}
	}
	switch compression {
	case "", "none":
		return content, closing, nil
	case "gz":
		text, err = gzip.NewReader(content)
	case "bz2":
		text = bzip2.NewReader(content)
	case "lz4":
		text = lz4.NewReader(content)
	case "zst":
		var decoder *zstd.Decoder
		decoder, err = zstd.NewReader(content, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(128<<20))
		if err == nil {
			text, closing = decoder, decoder.Close
		}
	default:
		err = fmt.Errorf("is packed as .%s, which this program does not know", compression)
	}
	return text, closing, err
}

// What openssl enc writes, and pgBackRest too (src/common/crypto/cipherBlock.c): a mark, a salt, and AES-256 in CBC
// mode with a key made of passphrase and salt by one round of SHA-1.
const (
	saltMark = "Salted__"
	saltLen  = 8
	keyLen   = 32
)

func decrypted(content io.Reader, pass string) (io.Reader, error) {
	head := make([]byte, len(saltMark)+saltLen)
	if _, err := io.ReadFull(content, head); err != nil {
		return nil, err
	}
	salt, ok := bytes.CutPrefix(head, []byte(saltMark))
	if !ok {
		return nil, errDecode
	}
	var material, round []byte
	for len(material) < keyLen+aes.BlockSize {
		sum := sha1.Sum(append(append(round, pass...), salt...))
		round = sum[:]
		material = append(material, round...)
	}
	block, err := aes.NewCipher(material[:keyLen])
	if err != nil {
		return nil, err
	}
	return &cbcReader{
		from: content, mode: cipher.NewCBCDecrypter(block, material[keyLen:keyLen+aes.BlockSize]),
		buffer: make([]byte, 64<<10),
	}, nil
}

// cbcReader decrypts what it reads, and takes the padding off in the end.
type cbcReader struct {
	from   io.Reader
	mode   cipher.BlockMode
	buffer []byte
	ready  []byte // decrypted, to be handed out
	held   []byte // the last block that was decrypted: it may be padding
	err    error
}

func (r *cbcReader) Read(p []byte) (int, error) {
	for len(r.ready) == 0 && r.err == nil {
		r.fill()
	}
	if len(r.ready) == 0 {
		return 0, r.err
	}
	n := copy(p, r.ready)
	r.ready = r.ready[n:]
	return n, nil
}

func (r *cbcReader) fill() {
	n, err := io.ReadFull(r.from, r.buffer)
	end := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
	switch {
	case err != nil && !end:
		r.err = err
		return
	case n%aes.BlockSize != 0:
		r.err = errDecode
		return
	}
	r.mode.CryptBlocks(r.buffer[:n], r.buffer[:n])
	all := append(r.held, r.buffer[:n]...)
	if !end {
		r.ready, r.held = all[:len(all)-aes.BlockSize], bytes.Clone(all[len(all)-aes.BlockSize:])
		return
	}
	if r.ready, r.err = unpadded(all); r.err == nil {
		r.err = io.EOF
	}
}

func unpadded(text []byte) ([]byte, error) {
	if len(text) == 0 {
		return nil, errDecode
	}
	n := int(text[len(text)-1])
	if n == 0 || n > aes.BlockSize || n > len(text) ||
		!bytes.Equal(text[len(text)-n:], bytes.Repeat([]byte{byte(n)}, n)) {
		return nil, errDecode
	}
	return text[:len(text)-n], nil
}
