package view

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"maps"
	"net"
	"net/http"
	"path"
	"strconv"
	"time"

	"veza.fr/recovery/internal/objectstore"
	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/repository"
	"veza.fr/recovery/internal/source"
)

// answerTime bounds the wait for the head of one answer of the store.
const answerTime = 30 * time.Second

// View is a repository behind a Proxy, and how it is reached there. Close ends it.
type View struct {
	*Proxy
	// Source is the repository's conf, changed so that it leads to the view and to nothing else.
	Source source.Repository
	// CA are the certificates that the view is checked with, and CAFile where the conf looks for them: the file
	// must be put there where conf and pgBackRest are of one machine.
	CA     []byte
	CAFile string

	closes []func(context.Context) error
}

// Open puts a proxy in front of a repository: of its object store, which dial reaches, or of its directory on this
// machine, which is served like one. from is where the conf comes from. Kinds of repositories that no proxy can stand
// in front of are config_invalid. A half-made view is returned with the error.
func Open(
	ctx context.Context, of repository.Repository, from source.Repository, dial objectstore.Dial, caFile string,
) (*View, error) {
	v := &View{CAFile: caFile, Source: from}
	options := map[string]string{}
	repo := of.Conf.Repo(of.Stanza, of.Key)
	var transport *http.Transport
	var err error
	scheme := "https"
	switch {
	case of.Host() != "":
		return v, unviewable(of, "is on the repository host "+of.Host())
	case repo.Type() == "s3":
		address, _ := repo.Address()
		if address.Plain {
			scheme = "http"
		}
		transport, err = behind(of, address, dial)
	case repo.Type() == "posix" || repo.Type() == "cifs":
		transport, err = v.serve(ctx, path.Clean(repo.Path()), options)
	default:
		return v, unviewable(of, "is of type "+repo.Type())
	}
	if err != nil {
		return v, err
	}
	return v, v.front(ctx, of, scheme, transport, options)
}

// unviewable refuses a repository by what it is.
func unviewable(of repository.Repository, what string) error {
	return reason.Errorf(reason.ConfigInvalid, "%s: repository %d %s: a view, in which one thing is broken, can be "+
		"made of repositories of type s3, posix and cifs that are reached from here", of.Conf.Path, of.Key, what)
}

// behind is the way to an object store, which is trusted as the conf says.
func behind(of repository.Repository, address pgbackrest.Address, dial objectstore.Dial) (*http.Transport, error) {
	repo := of.Conf.Repo(of.Stanza, of.Key)
	roots, err := of.Conf.Roots(repo)
	if err != nil {
		return nil, reason.Wrap(reason.ConfigInvalid, err)
	}
	return &http.Transport{
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return dial(ctx, network, net.JoinHostPort(address.Host, address.Port))
		},
		TLSClientConfig: &tls.Config{
			ServerName: address.TLSName, MinVersion: tls.VersionTLS12,
			InsecureSkipVerify: true, //nolint:gosec // it is checked as pgBackRest does, unless the conf says no
			VerifyConnection: func(state tls.ConnectionState) error {
				if !repo.VerifyTLS() {
					return nil
				}
				return pgbackrest.CheckCertificate(state, address.TLSName, roots)
			},
		},
		TLSHandshakeTimeout: answerTime, ResponseHeaderTimeout: answerTime, IdleConnTimeout: answerTime,
		MaxIdleConnsPerHost: 8, DisableCompression: true,
	}, nil
}

// serve serves the directory of a repository as an object store of this process, and says which options lead there.
func (v *View) serve(ctx context.Context, directory string, options map[string]string) (*http.Transport, error) {
	store, err := objectstore.ServeDirectory(context.WithoutCancel(ctx), directory)
	if err != nil {
		return nil, reason.Wrap(reason.SandboxFailed, err)
	}
	v.closes = append(v.closes, store.Close)
	maps.Copy(options, map[string]string{
		"type": "s3", "path": objectstore.ServedPath, "s3-uri-style": "path", "s3-key-type": "shared",
		"s3-endpoint": store.Endpoint, "s3-bucket": store.Bucket, "s3-region": store.Region,
		"s3-key": store.ReadKey, "s3-key-secret": store.ReadSecret,
	})
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(store.CA)
	address := net.JoinHostPort(store.Endpoint, strconv.Itoa(store.Port))
	return &http.Transport{
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, address)
		},
		TLSClientConfig:     &tls.Config{ServerName: store.Endpoint, RootCAs: pool, MinVersion: tls.VersionTLS12},
		MaxIdleConnsPerHost: 8, DisableCompression: true,
	}, nil
}

// front puts the proxy in front of a store, and changes the conf so that it leads there.
func (v *View) front(
	ctx context.Context, of repository.Repository, scheme string, transport *http.Transport, options map[string]string,
) error {
	v.Proxy = NewProxy(scheme, transport)
	front, err := objectstore.Front(context.WithoutCancel(ctx), v.Proxy)
	if err != nil {
		return reason.Wrap(reason.SandboxFailed, err)
	}
	v.closes = append(v.closes, front.Close, func(context.Context) error {
		transport.CloseIdleConnections()
		return nil
	})
	maps.Copy(options, map[string]string{
		"storage-host": front.Endpoint, "storage-port": strconv.Itoa(front.Port), "storage-ca-file": v.CAFile,
	})
	v.CA = front.CA
	v.Source.Content = of.Conf.Through(of.Key, options)
	v.Source.Files = maps.Clone(v.Source.Files)
	if v.Source.Files == nil {
		v.Source.Files = map[string][]byte{}
	}
	v.Source.Files[v.CAFile] = v.CA
	return nil
}

// Close ends the view: proxy first, then what is behind it. A second call does nothing.
func (v *View) Close(ctx context.Context) error {
	var err error
	for i := len(v.closes) - 1; i >= 0; i-- {
		err = errors.Join(err, v.closes[i](ctx))
	}
	v.closes = nil
	return err
}
