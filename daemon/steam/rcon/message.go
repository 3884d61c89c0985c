package rcon

import (
	"encoding/binary"
	"fmt"
)

// The types of messages. The numbers of the two directions overlap.
const (
	TypeResponse     int32 = 0 // SERVERDATA_RESPONSE_VALUE; from a client it is our probe
	TypeExec         int32 = 2 // SERVERDATA_EXECCOMMAND, from the client
	TypeAuthResponse int32 = 2 // SERVERDATA_AUTH_RESPONSE, from the server
	TypeAuth         int32 = 3 // SERVERDATA_AUTH
)

// refusedID is the id of an AUTH_RESPONSE to a wrong password.
const refusedID int32 = -1

const (
	sizeBytes = 4
	minSize   = 10 // id, type and the two zero bytes
)

// What Decode fails with. Both are ErrMessage.
var (
	// ErrShort means that the rest of the message has not come yet.
	ErrShort = fmt.Errorf("%w: it is not complete", ErrMessage)
	// ErrInvalid means that no more bytes will make it a message.
	ErrInvalid = fmt.Errorf("%w: its size is not possible", ErrMessage)
)

// Message is one packet.
type Message struct {
	ID   int32
	Type int32
	// Body is without the two zero bytes that end it.
	Body []byte
}

// Append adds the message in its wire form to b.
func (m Message) Append(b []byte) []byte {
	b = binary.LittleEndian.AppendUint32(b, uint32(minSize+len(m.Body)))
	b = binary.LittleEndian.AppendUint32(b, uint32(m.ID))
	b = binary.LittleEndian.AppendUint32(b, uint32(m.Type))
	b = append(b, m.Body...)
	return append(b, 0, 0)
}

// Text returns the body as text of the encoding.
func (m Message) Text(e Encoding) (string, error) { return e.Decode(m.Body) }

// Decode reads the first message of b and returns what follows it. The body is
// a part of b. Messages above DefaultMaxPacket are ErrInvalid.
func Decode(b []byte) (m Message, rest []byte, err error) {
	return decode(b, DefaultMaxPacket)
}

func decode(b []byte, limit int) (Message, []byte, error) {
	if len(b) < sizeBytes {
		return Message{}, b, ErrShort
	}
	size := int64(int32(binary.LittleEndian.Uint32(b)))
	if size < minSize || size > int64(limit) {
		return Message{}, b, ErrInvalid
	}
	if int64(len(b)-sizeBytes) < size {
		return Message{}, b, ErrShort
	}
	packet, rest := b[sizeBytes:sizeBytes+size], b[sizeBytes+size:]
	m := Message{
		ID:   int32(binary.LittleEndian.Uint32(packet)),
		Type: int32(binary.LittleEndian.Uint32(packet[4:])),
	}
	// Some servers send one of the two zero bytes, or none.
	body := packet[8:]
	for range 2 {
		if n := len(body); n > 0 && body[n-1] == 0 {
			body = body[:n-1]
		}
	}
	m.Body = body
	return m, rest, nil
}
