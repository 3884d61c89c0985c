package masterbase

import (
	"cmp"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/quartermasterd/quartermaster/daemon/fault"
)

const (
	defaultEndpoint = "https://s3.amazonaws.com"
	defaultRegion   = "us-east-1" // of the buckets that masterbase makes
	silentFor       = time.Minute // after which a transfer is given up
	requestFor      = 30 * time.Second
	attempts        = 4
)

// Keys are the credentials of S3. The zero value asks without a signature.
type Keys struct {
	Access, Secret, Session string
}

// KeysFromEnvironment returns what the variables of AWS or, without these,
// of MinIO hold, as masterbase reads them.
func KeysFromEnvironment(environ []string) Keys {
	value := func(name string) string {
		for _, v := range environ {
			if text, ok := strings.CutPrefix(v, name+"="); ok {
				return text
			}
		}
		return ""
	}
	if k := (Keys{value("AWS_ACCESS_KEY_ID"), value("AWS_SECRET_ACCESS_KEY"), value("AWS_SESSION_TOKEN")}); k.Access != "" {
		return k
	}
	return Keys{Access: value("MINIO_ACCESS_KEY"), Secret: value("MINIO_SECRET_KEY")}
}

// maxKeyFile bounds a file of keys.
const maxKeyFile = 64 << 10

// ReadKeys reads keys from a file with lines such as "aws_access_key_id = …",
// as AWS's own file has them. Of several sections the first counts.
func ReadKeys(name string) (k Keys, err error) {
	f, err := openExport(name)
	if err != nil {
		return k, err
	}
	defer f.Close() //nolint:errcheck // only read
	text, err := io.ReadAll(io.LimitReader(f, maxKeyFile))
	if err != nil {
		return k, err
	}
	for line := range strings.Lines(string(text)) {
		key, value, ok := strings.Cut(line, "=")
		value = strings.TrimSpace(value)
		if strings.HasPrefix(line, "[") && k != (Keys{}) {
			break
		}
		if !ok {
			continue
		}
		switch strings.TrimSpace(key) {
		case "aws_access_key_id":
			k.Access = value
		case "aws_secret_access_key":
			k.Secret = value
		case "aws_session_token":
			k.Session = value
		}
	}
	if k.Access == "" || k.Secret == "" {
		return Keys{}, fault.New(fault.Invalid, "%s does not hold the keys of a bucket", name).
			WithHint("it needs the lines aws_access_key_id = … and aws_secret_access_key = …")
	}
	return k, nil
}

// Bucket is Files in S3: in the two buckets that masterbase makes, or below
// their names in a single one.
type Bucket struct {
	core   minio.Core
	shown  string
	bucket string // "": the two
	prefix string
	absent map[Kind]bool // the bucket is not there
}

var _ Files = (*Bucket)(nil)

// OpenBucket reaches the buckets at an address such as
// s3://?endpoint=http://host:9000&region=us-east-1. It names no bucket, or
// that of the demos, for the two of masterbase; another one with a path, which
// may be empty, for a copy of both in one bucket. The error is fault.Invalid
// for an address that is none, fault.NotFound without such a bucket,
// fault.Forbidden when the keys do not do, and fault.Unavailable when nobody
// answers.
func OpenBucket(ctx context.Context, address string, keys Keys) (*Bucket, error) {
	u, endpoint, err := parseBucket(address)
	if err != nil {
		return nil, err
	}
	creds := credentials.NewStaticV4(keys.Access, keys.Secret, keys.Session)
	core, err := minio.NewCore(endpoint.Host, &minio.Options{
		Creds: creds, Secure: endpoint.Scheme == "https", Region: cmp.Or(u.Query().Get("region"), defaultRegion), MaxRetries: attempts,
	})
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "The endpoint of the bucket is not valid").WithHint("%s", bucketHint)
	}
	b := &Bucket{core: *core, shown: endpoint.Host, bucket: u.Host, prefix: strings.Trim(u.Path, "/"), absent: map[Kind]bool{}}
	if b.bucket == string(Demos) && b.prefix == "" {
		b.bucket = ""
	}
	return b, b.look(ctx)
}

const bucketHint = "write s3://?endpoint=http://HOST:9000 for masterbase's own buckets, or s3://BUCKET/PATH?endpoint=https://HOST&region=REGION for a copy of both in one"

// parseBucket takes an address apart. No error repeats it: somebody may have
// put a key there.
func parseBucket(address string) (u, endpoint *url.URL, err error) {
	refuse := func(why string) (*url.URL, *url.URL, error) {
		return nil, nil, fault.New(fault.Invalid, "The address of the bucket is not valid: %s", why).WithHint("%s", bucketHint)
	}
	u, err = url.Parse(address)
	if err != nil || u.Scheme != "s3" || u.Opaque != "" || u.Fragment != "" {
		return refuse("it does not begin with s3://")
	}
	query, err := url.ParseQuery(u.RawQuery)
	if u.User != nil || err != nil {
		return refuse("keys come from the environment or from a file")
	}
	for name := range query {
		if name != "endpoint" && name != "region" {
			return refuse("it knows endpoint and region; keys come from the environment or from a file")
		}
	}
	endpoint, err = url.Parse(cmp.Or(query.Get("endpoint"), defaultEndpoint))
	if err != nil || endpoint.Scheme != "http" && endpoint.Scheme != "https" || endpoint.Host == "" || endpoint.User != nil ||
		strings.Trim(endpoint.Path, "/") != "" || endpoint.RawQuery != "" {
		return refuse("the endpoint is not http:// or https:// and a host")
	}
	return u, endpoint, nil
}

// look checks that there is what is to be read.
func (b *Bucket) look(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, requestFor)
	defer cancel()
	for _, kind := range []Kind{Demos, Analyses} {
		name := cmp.Or(b.bucket, string(kind))
		ok, err := b.core.BucketExists(ctx, name)
		if err != nil {
			return b.fails(err, name)
		}
		if !ok && (kind == Demos || b.bucket != "") {
			return fault.New(fault.NotFound, "There is no bucket %s at %s", name, b.shown).WithHint("%s", bucketHint)
		}
		b.absent[kind] = !ok
	}
	return nil
}

// fails says in public words why the bucket was of no use.
func (b *Bucket) fails(err error, name string) error {
	status := minio.ToErrorResponse(err).StatusCode
	switch {
	case errors.Is(err, context.Canceled):
		return err
	case status == http.StatusForbidden || status == http.StatusUnauthorized:
		return fault.Wrap(err, fault.Forbidden, "%s does not let these keys read %s", b.shown, name).
			WithHint("set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name a file with --bucket-keys; the keys must be allowed to list the bucket")
	}
	return fault.Wrap(err, fault.Unavailable, "%s cannot be read from %s", name, b.shown)
}

// Close implements Files.
func (b *Bucket) Close() error { return nil }

// place returns the bucket of a kind and what begins the names there.
func (b *Bucket) place(kind Kind) (bucket, prefix string) {
	if b.bucket == "" {
		return string(kind), ""
	}
	return b.bucket, path.Join(b.prefix, string(kind)) + "/"
}

// Demos implements Files.
func (b *Bucket) Demos(ctx context.Context, fn func(id string, size int64)) error {
	ctx, cancel := context.WithCancel(ctx) // ends the listing when it is left early
	defer cancel()
	bucket, prefix := b.place(Demos)
	for o := range b.core.Client.ListObjects(ctx, bucket, minio.ListObjectsOptions{Prefix: prefix}) {
		if o.Err != nil {
			return b.fails(o.Err, bucket)
		}
		if id := demoOf(strings.TrimPrefix(o.Key, prefix)); id != "" {
			fn(id, o.Size)
		}
	}
	return ctx.Err()
}

// Open implements Files.
func (b *Bucket) Open(ctx context.Context, kind Kind, id string) (File, error) {
	if !ValidID(id) || b.absent[kind] {
		return File{}, errFile
	}
	bucket, prefix := b.place(kind)
	name := prefix + kind.file(id)
	ctx, cancel := context.WithCancelCause(ctx)
	t := &transfer{ctx: ctx, b: b, name: bucket + "/" + name, cancel: cancel}
	t.timer = time.AfterFunc(silentFor, func() { cancel(errSilent) })
	body, info, _, err := b.core.GetObject(ctx, bucket, name, minio.GetObjectOptions{})
	if err != nil {
		defer t.stop()
		if minio.ToErrorResponse(err).Code == minio.NoSuchKey {
			return File{}, errFile
		}
		return File{}, t.fails(err)
	}
	t.body = body
	return File{t, info.Size}, nil
}

var errSilent = errors.New("nothing came for a minute")

// transfer is a file on its way. One that brings nothing is given up.
type transfer struct {
	ctx    context.Context
	b      *Bucket
	name   string
	body   io.ReadCloser
	timer  *time.Timer
	cancel context.CancelCauseFunc
}

// Read implements io.Reader.
func (t *transfer) Read(p []byte) (int, error) {
	n, err := t.body.Read(p)
	t.timer.Reset(silentFor)
	if err != nil && !errors.Is(err, io.EOF) {
		err = t.fails(err)
	}
	return n, err
}

func (t *transfer) fails(err error) error {
	if errors.Is(context.Cause(t.ctx), errSilent) {
		err = errSilent
	}
	return t.b.fails(err, t.name)
}

func (t *transfer) stop() {
	t.timer.Stop()
	t.cancel(nil)
}

// Close implements io.Closer.
func (t *transfer) Close() error {
	t.stop()
	return t.body.Close()
}
