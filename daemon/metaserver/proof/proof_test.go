package proof

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/quartermasterd/quartermaster/daemon/fault"
)

var start = time.Date(2026, 11, 20, 8, 36, 0, 0, time.UTC)

func key(id int64, number uint8) Key {
	secret, seed := sha256.Sum256(fmt.Appendf(nil, "secret %d", id)), sha256.Sum256(fmt.Appendf(nil, "seed %d", id))
	return Key{ID: id, Number: number, Secret: secret[:], Seed: seed[:], Created: start}
}

func ring(t testing.TB, now time.Time, keys ...Key) *Ring {
	t.Helper()
	r, err := NewRing(keys, now)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// The layout, computed here a second time from its description.
func TestShortLayout(t *testing.T) {
	k := key(1, 7)
	expiry := time.Unix(1_763_628_300, 0)
	head := binary.BigEndian.AppendUint32(nil, 1_763_628_300)
	message := append([]byte("proof-v2\x00"), binary.BigEndian.AppendUint64(nil, 42)...)
	message = append(append(message, head...), 7)
	mac := hmac.New(sha256.New, k.Secret)
	mac.Write(message)
	want := hex.EncodeToString(append(append(head, 7), mac.Sum(nil)[:27]...))
	if got := ring(t, start, k).Short(42, expiry); got != want || len(got) != 64 {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestRefusedShortProofs(t *testing.T) {
	r := ring(t, start, key(1, 7))
	good := r.Short(1, start.Add(time.Minute))
	if valid, _ := r.CheckShort(good, 1, start); !valid {
		t.Fatal("a good proof is refused")
	}
	for name, text := range map[string]string{
		"the original's vector": "5a3171c5c8d4775288539d018c92ffc82b97ac313b349ee18fa40dfb77ecef14",
		"no proof":              "blerb", "empty": "", "upper case": strings.ToUpper(good), "short": good[:62], "long": good + "00", "odd": good[:63],
		"not hexadecimal": good[:63] + "g", "not ASCII": good[:62] + "é", "zeros": strings.Repeat("0", 64), "white space": good[:63] + " ",
	} {
		if valid, _ := r.CheckShort(text, 1, start); valid {
			t.Errorf("%s is accepted", name)
		}
	}
	for i := range good {
		flipped := []byte(good)
		flipped[i] ^= 1
		if valid, _ := r.CheckShort(string(flipped), 1, start); valid {
			t.Errorf("a proof with digit %d changed is accepted", i)
		}
	}
	for _, user := range []int64{0, -1, 2, 1 << 62} {
		if valid, _ := r.CheckShort(good, user, start); valid {
			t.Errorf("user %d has the proof of user 1", user)
		}
	}
	if _, known := ring(t, start, key(1, 8)).CheckShort(good, 1, start); known {
		t.Error("a key that is not in the ring is known")
	}
}

// A proof that is made at any moment of a minute is valid for as long as was
// promised and no second longer.
func TestExpiryAtEverySecond(t *testing.T) {
	r := ring(t, start, key(1, 0))
	for _, ttl := range []time.Duration{time.Minute, 5 * time.Minute, time.Hour} {
		for second := range 60 {
			for _, part := range []time.Duration{0, 1, 500 * time.Millisecond, time.Second - 1} {
				made := start.Add(time.Duration(second)*time.Second + part)
				expiry := Expiry(made, ttl)
				short := r.Short(5, expiry)
				signed, err := r.Sign(Claims{Subject: "5", Expiry: expiry.Unix()})
				if err != nil {
					t.Fatal(err)
				}
				for age, want := range map[time.Duration]bool{0: true, ttl - 1: true, ttl + time.Second: false, -90 * time.Second: true} {
					valid, _ := r.CheckShort(short, 5, made.Add(age))
					validSigned := want
					if second%10 == 9 { // these are slow
						_, validSigned, _ = r.CheckSigned(signed, 5, made.Add(age))
					}
					if valid != want || validSigned != want {
						t.Fatalf("%s, made at :%02d+%s, after %s: short %t, signed %t", ttl, second, part, age, valid, validSigned)
					}
				}
			}
		}
	}
	if got := Expiry(start, 2*time.Hour); !got.Equal(start.Add(MaxTTL)) {
		t.Errorf("longer than the longest: %s", got)
	}
}

// RFC 8037, appendices A.1 to A.3.
func TestKeyNamesAndPublicKeys(t *testing.T) {
	seed, err := base64.RawURLEncoding.DecodeString("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A")
	if err != nil {
		t.Fatal(err)
	}
	r := ring(t, start, Key{ID: 1, Secret: make([]byte, SecretSize), Seed: seed})
	got, err := json.Marshal(r.JWKS())
	if err != nil {
		t.Fatal(err)
	}
	want := `{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k","alg":"EdDSA","use":"sig",` +
		`"x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}`
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// What a game server does that knows nothing but RFC 7515.
func TestSignedProofByHand(t *testing.T) {
	r := ring(t, start, key(1, 0))
	claims := Claims{Issuer: "http://example.org", Subject: "16", Name: "föö <b>", Issued: start.Unix(), Expiry: start.Unix() + 300, ID: "x", Audience: "28"}
	text, err := r.Sign(claims)
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(text, ".")
	var raw [3][]byte
	for i, part := range parts {
		if raw[i], err = base64.RawURLEncoding.DecodeString(part); err != nil {
			t.Fatal(err)
		}
	}
	public, err := base64.RawURLEncoding.DecodeString(r.JWKS().Keys[0].X)
	if err != nil {
		t.Fatal(err)
	}
	if !ed25519.Verify(public, []byte(parts[0]+"."+parts[1]), raw[2]) {
		t.Error("the signature is wrong")
	}
	if want := `{"alg":"EdDSA","typ":"JWT","kid":"` + r.Current().KeyID() + `"}`; string(raw[0]) != want {
		t.Errorf("header %s", raw[0])
	}
	var got Claims
	if err := json.Unmarshal(raw[1], &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(claims, got); diff != "" {
		t.Error(diff)
	}
	if got, valid, _ := r.CheckSigned(text, 16, start); !valid || got != claims {
		t.Errorf("read back: %+v %t", got, valid)
	}
}

func TestRefusedSignedProofs(t *testing.T) {
	r := ring(t, start, key(2, 1), key(1, 0))
	claims := Claims{Subject: "16", Expiry: start.Unix() + 300}
	good, err := r.Sign(claims)
	if err != nil {
		t.Fatal(err)
	}
	encode := func(header string) string {
		head, rest, _ := strings.Cut(good, ".")
		_ = head
		return base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + rest
	}
	kid := r.Current().KeyID()
	last := good[len(good)-1]
	for name, text := range map[string]string{
		"nothing": "", "one part": "a", "two parts": "a.b", "dots": "..", "four parts": good + ".x", "padded": good + "=", "white space": good + " ",
		"no algorithm": encode(`{"alg":"none","kid":"` + kid + `"}`), "another algorithm": encode(`{"alg":"HS256","kid":"` + kid + `"}`),
		"another header": encode(`{"alg":"EdDSA","kid":"` + kid + `"}`), "the other key": encode(`{"alg":"EdDSA","typ":"JWT","kid":"` + r.Keys()[1].KeyID() + `"}`),
		"no signature": good[:strings.LastIndexByte(good, '.')+1], "too long": good + strings.Repeat("A", maxSigned),
		"stray bits in the last digit": good[:len(good)-1] + string(last+1),
	} {
		if _, valid, _ := r.CheckSigned(text, 16, start); valid {
			t.Errorf("%s is accepted", name)
		}
	}
	if _, valid, _ := r.CheckSigned(good, 17, start); valid {
		t.Error("user 17 has the proof of user 16")
	}
	if _, _, known := ring(t, start, key(9, 9)).CheckSigned(good, 16, start); known {
		t.Error("a key that is not in the ring is known")
	}
}

// Proofs of a key that was replaced are accepted for as long as they live,
// however often it is replaced; the one before the current always.
func TestRotation(t *testing.T) {
	var keys []Key
	now := start
	type made struct {
		text   string
		expiry time.Time
	}
	var proofs []made
	for i := range 90 {
		k := key(int64(i+1), 0)
		if i > 0 {
			number, err := ring(t, now, keys...).Next()
			if err != nil {
				t.Fatal(err)
			}
			k.Number = number
			keys[i-1].Retired = now
		}
		keys = append(keys, k)
		r := ring(t, now, keys...)
		expiry := Expiry(now, time.Hour)
		proofs = append(proofs, made{r.Short(5, expiry), expiry})
		for _, p := range proofs {
			if valid, _ := r.CheckShort(p.text, 5, now); valid != now.Before(p.expiry) {
				t.Fatalf("rotation %d: valid %t, expires in %s", i, valid, p.expiry.Sub(now))
			}
		}
		now = now.Add(time.Minute)
	}
	later := ring(t, now.Add(1000*time.Hour), keys...)
	if n := len(later.Keys()); n != 2 {
		t.Errorf("%d keys are accepted after a long time, want the current and the previous", n)
	}
}

func TestTooManyRotations(t *testing.T) {
	var keys []Key
	for i := range 256 {
		k := key(int64(i+1), uint8(i))
		if i < 255 {
			k.Retired = start
		}
		keys = append(keys, k)
	}
	if _, err := ring(t, start, keys...).Next(); !fault.Is(err, fault.TooMany) {
		t.Errorf("got %v", err)
	}
	if n, err := ring(t, start.Add(2*time.Hour), keys...).Next(); err != nil || n != 0 {
		t.Errorf("after two hours: %d %v", n, err)
	}
}

func TestDamagedKeys(t *testing.T) {
	for name, keys := range map[string][]Key{
		"none": nil, "a short secret": {{ID: 1, Secret: make([]byte, 5), Seed: make([]byte, SeedSize)}},
		"no seed": {{ID: 1, Secret: make([]byte, SecretSize)}},
	} {
		if _, err := NewRing(keys, start); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if s := fmt.Sprint(key(3, 1)); s != "proof key 3" {
		t.Errorf("printed: %s", s)
	}
}

func FuzzProofs(f *testing.F) {
	r := ring(f, start, key(2, 1), key(1, 0))
	signed, err := r.Sign(Claims{Subject: "1", Expiry: start.Unix() + 60})
	if err != nil {
		f.Fatal(err)
	}
	short := r.Short(1, start.Add(time.Minute))
	for _, seed := range []string{short, signed, "", "blerb", "..", "a.b.c", strings.ToUpper(short), "e30.e30.", "{}.{}.{}", "bnVsbA.bnVsbA.bnVsbA"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if valid, _ := r.CheckShort(text, 1, start); valid && text != short {
			// Only somebody who knows the key makes another one.
			t.Fatalf("%q is accepted", text)
		}
		if _, valid, _ := r.CheckSigned(text, 1, start); valid && text != signed {
			t.Fatalf("%q is accepted", text)
		}
	})
}

func BenchmarkCheckShort(b *testing.B) {
	r := ring(b, start, key(1, 0))
	text := r.Short(1, start.Add(time.Minute))
	b.ReportAllocs()
	for b.Loop() {
		if valid, _ := r.CheckShort(text, 1, start); !valid {
			b.Fatal("refused")
		}
	}
}

func BenchmarkCheckSigned(b *testing.B) {
	r := ring(b, start, key(1, 0))
	text, err := r.Sign(Claims{Subject: "1", Expiry: start.Unix() + 60})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, valid, _ := r.CheckSigned(text, 1, start); !valid {
			b.Fatal("refused")
		}
	}
}
