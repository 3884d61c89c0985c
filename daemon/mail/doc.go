// Package mail sends mails to people: it writes their texts in English and
// Russian, keeps them in the database until they are sent, and hands them to
// an SMTP server or writes them to a folder.
//
// What has to stay true, and what a crash can do, is in DESIGN.md.
package mail
