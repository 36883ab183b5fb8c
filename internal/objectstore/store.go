// Package objectstore is the S3 server a seeded repository lives in: where it
// is, who may use it, and how it is trusted. Embedded runs one in this process.
package objectstore

import "context"

// Store is a bucket somebody can reach, and what is needed to do so.
type Store struct {
	// Endpoint is the server's name: a DNS name, since pgBackRest before 2.53
	// accepts no address in a certificate (facts A1).
	Endpoint string
	Port     int
	CA       []byte // PEM of the authority that signed the server's certificate
	Bucket   string
	Region   string
	Key      string // access key id
	Secret   string // secret access key; never to be logged

	stop func(context.Context) error
}

// Close ends the server and forgets what it holds; requests under way have a
// moment to end. It may be called twice, and on a store that runs elsewhere it does nothing.
func (s *Store) Close(ctx context.Context) error {
	if s == nil || s.stop == nil {
		return nil
	}
	stop := s.stop
	s.stop = nil
	return stop(ctx)
}
