package command

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	keys "github.com/minio/minio-go/v7/pkg/credentials"

	"veza.fr/recovery/internal/suite"
	"veza.fr/recovery/internal/testprom/evidence"
	"veza.fr/recovery/internal/testprom/evidence/copies"
)

// pushTime bounds a push, and answerTime the wait for one answer.
const (
	pushTime   = 10 * time.Minute
	answerTime = 30 * time.Second
)

var push = command{
	name: "push", args: "DIR -to https://HOST[:PORT]/BUCKET[/PREFIX] -credentials FILE [-retain 3650d] [-key PUB]",
	about: `push copies the entries that the bucket has not yet, and the ledger as a new version. The bucket
must have object lock. The chain here must be whole, and hold all that was copied before: what
was cut off or exchanged since then is told, and ends with 1.
The file of credentials is as AWS has it: [default], aws_access_key_id, aws_secret_access_key. The
key needs to put, read and list; the drill's own key, which only reads, is another one.
`,
	flags: func(set *flag.FlagSet) func(World, []string) (int, error) {
		to := set.String("to", "", "`URL` of the bucket")
		credentials := set.String("credentials", "", "`FILE` with the key of the bucket")
		ca := set.String("ca", "",
			"`FILE` of the authorities to take certificates from (default: those of this machine)")
		region := set.String("region", "us-east-1", "`REGION` of the bucket")
		var retain age
		set.Var(&retain, "retain", "lock each copy for this `TIME` (default: as long as the bucket has it)")
		public := set.String("key", "", "`FILE` of the public key that must have signed every entry")
		return func(w World, words []string) (int, error) {
			dir, err := one(words, directory)
			if err != nil {
				return 0, err
			}
			bucket, err := bucketAt(*to, *credentials, *ca, *region)
			if err != nil {
				return 0, err
			}
			bucket.Retain = time.Duration(retain)
			pub, err := publicKeys(*public)
			if err != nil {
				return 0, err
			}
			l, err := evidence.Read(dir)
			if err != nil {
				return 0, err
			}
			if found := l.Verify(pub); len(found) > 0 {
				return w.tell(l, found, true), nil
			}
			return w.push(l, bucket)
		}
	},
}

func (w World) push(l evidence.Ledger, bucket copies.Bucket) (int, error) {
	ctx, cancel := context.WithTimeout(context.Background(), pushTime)
	defer cancel()
	pushed, found, err := bucket.Push(ctx, l)
	if err != nil {
		return 0, err
	}
	if len(found) > 0 {
		return w.tell(l, found, true), nil
	}
	fmt.Fprintf(w.Out, "COPIED  %d of %d entries to bucket %s, the others were there\nhead    %s\n", pushed,
		len(l.Entries), suite.Line(bucket.Name), l.Head())
	return exitGood, nil
}

// bucketAt is the way to a bucket.
func bucketAt(to, credentials, ca, region string) (b copies.Bucket, err error) {
	at, err := url.Parse(to)
	if err != nil || at.Scheme != "https" || at.Host == "" || at.User != nil {
		return b, errors.New("-to: write it as https://HOST[:PORT]/BUCKET[/PREFIX], without a key in it")
	}
	b.Name, b.Prefix, _ = strings.Cut(strings.Trim(at.Path, "/"), "/")
	if b.Name == "" {
		return b, errors.New("-to: the bucket is missing behind the host")
	}
	if credentials == "" {
		return b, errors.New("-credentials FILE is missing: the key of the bucket")
	}
	if _, err = os.Stat(credentials); err != nil {
		return b, fmt.Errorf("-credentials: %w", err)
	}
	creds := keys.NewFileAWSCredentials(credentials, "default")
	// The error of the library may show a line of the file, and with it a secret.
	if value, unread := creds.GetWithContext(&keys.CredContext{}); unread != nil || value.SecretAccessKey == "" {
		return b, fmt.Errorf("-credentials: %s is not as AWS has it: [default], and below it aws_access_key_id and "+
			"aws_secret_access_key with their values", credentials)
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if ca != "" {
		authorities, unread := os.ReadFile(ca)
		if unread != nil {
			return b, fmt.Errorf("-ca: %w", unread)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(authorities) {
			return b, fmt.Errorf("-ca: %s holds no certificate", ca)
		}
	}
	b.Client, err = minio.New(at.Host, &minio.Options{
		Creds: creds, Secure: true, Region: region,
		BucketLookup: minio.BucketLookupPath, MaxRetries: 3, Transport: &http.Transport{
			TLSClientConfig: config, ResponseHeaderTimeout: answerTime, TLSHandshakeTimeout: answerTime,
		},
	})
	return b, err
}
