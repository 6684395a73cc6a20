//! Everything that can go wrong with a document, a seal or a position, each with what the caller can do about it.

use thiserror::Error as ThisError;

pub type Result<T> = std::result::Result<T, Error>;

#[derive(Debug, Clone, PartialEq, Eq, ThisError)]
pub enum Error {
    /// Ask for a PDF file.
    #[error("the file is not a PDF document")]
    NotPdf,
    /// Ask for a smaller file.
    #[error("the file has {length} bytes, at most {most} are taken")]
    FileTooLarge { length: usize, most: usize },
    /// An unsigned file can be mended: [`crate::normalise`]. A signed one has to be asked for anew.
    #[error("the document is damaged: {what}")]
    Damaged { what: &'static str },
    /// Ask for the owner's password and call [`crate::normalise`], or ask for a file without one.
    #[error("the document is encrypted")]
    Encrypted,
    /// Ask for the password again.
    #[error("the password does not open the document")]
    WrongPassword,
    /// A signed document is never written anew, because that would end its signatures.
    #[error("the document is signed already and can only be added to")]
    SignedAlready,
    /// Nothing can be placed; ask for another file.
    #[error("the document has no pages")]
    NoPages,
    /// Ask for a document with fewer pages.
    #[error("the document has more than {most} pages")]
    TooManyPages { most: usize },
    /// Whoever certified the document has forbidden what a visible signature needs; ask them for an uncertified one.
    #[error("the document is certified with level {level}, which forbids new visible signatures")]
    Certified { level: u8 },
    /// An earlier signer has locked the form; ask them for a document without the lock.
    #[error("an earlier signature locks the form fields, so that no signature can be added")]
    Locked,
    /// Ask for the form as an ordinary PDF, for example by printing it into one.
    #[error("the document is an XFA form, which other programs draw anew")]
    Xfa,
    /// The position cannot be read; the caller has to mend it.
    #[error("the position is not understood: {what}")]
    BadPosition { what: &'static str },
    /// The position names a page that is not there.
    #[error("page {page} is not there, the document has {pages}")]
    PageNotThere { page: u32, pages: u32 },
    /// A crossing-page seal needs two pages or more.
    #[error("a seal across pages needs at least two pages")]
    TooFewPages,
    /// The seal would stick out of the page; move it or make it smaller.
    #[error("the seal would stick out of page {page}")]
    OutsidePage { page: u32 },
    /// Correct the keyword or give a coordinate.
    #[error("the keyword `{keyword}` is not in the document")]
    KeywordNotFound { keyword: String },
    /// Take a smaller index.
    #[error("the keyword `{keyword}` is found {found} times, number {index} is asked for")]
    KeywordIndex { keyword: String, index: i32, found: usize },
    /// The pages are pictures; give a coordinate.
    #[error("the document has no text to look for a keyword in, as scans have none")]
    NoText,
    /// The file is made to fill the memory of whoever reads it, or to keep him for hours; ask for another one.
    #[error("a part of the document unpacks to too much")]
    UnpacksTooLarge,
    /// Upload a PNG or JPEG file.
    #[error("the picture is neither PNG nor JPEG")]
    NotAPicture,
    /// Upload a smaller picture.
    #[error("the picture is larger than {most} pixels a side or {most_bytes} bytes")]
    PictureTooLarge { most: u32, most_bytes: usize },
    /// Upload another file; this one ends early or contradicts itself.
    #[error("the picture cannot be read")]
    PictureDamaged,
    /// Upload a picture with a transparent background, or have its paper removed.
    #[error("the picture has no transparent background and would cover the text")]
    PictureOpaque,
    /// Upload a picture on which something can be seen.
    #[error("the picture shows nothing")]
    PictureEmpty,
    /// Give a text that fits the kind of seal.
    #[error("the seal cannot be drawn: {what}")]
    BadSeal { what: &'static str },
    /// Install a font with these characters, or hand one over.
    #[error("no font has the character `{character}`")]
    NoFont { character: char },
    /// Bring the certificate as X.509 in DER or PEM.
    #[error("the certificate cannot be read: {what}")]
    BadCertificate { what: &'static str },
    /// Bring a certificate that is in force, and look at the clock.
    #[error("the certificate of `{name}` is not in force at the time of signing")]
    CertificateNotInForce { name: String },
    /// Bring the key as PKCS#8 or PKCS#12.
    #[error("the key cannot be read: {what}")]
    BadKey { what: &'static str },
    /// Bring an RSA key from 2048 bits, or one on P-256 or SM2.
    #[error("the kind of key is not one of those that sign here")]
    KeyKind,
    /// Ask for the password of the key file again.
    #[error("the password does not open the key file")]
    WrongKeyPassword,
    /// Bring the certificate that was issued for this key.
    #[error("the certificate is not for this key")]
    KeyNotOfCertificate,
    /// Try again later, or ask whoever runs the signing service.
    #[error("the signer did not sign: {what}")]
    SignerFailed { what: String },
    /// The signing service has answered with another key's signature; its set-up is wrong.
    #[error("what the signer gave back is not a signature by the key of its certificate")]
    NotTheSignersKey,
    /// Try again later, or take another time stamp authority.
    #[error("no time stamp was given: {what}")]
    TimeStampFailed { what: String },
    /// Take another time stamp authority.
    #[error("the time stamp is wrong: {what}")]
    TimeStampWrong { what: &'static str },
    /// Leave more room for the signature; a long chain of certificates or a large time stamp needs it.
    #[error("the signature has {length} bytes, but only {room} were kept free for it")]
    SignatureTooLarge { length: usize, room: usize },
    /// The result did not read back as it was written; nothing is given out. Normalise the file or ask for another.
    #[error("the result did not pass its own check: {what}")]
    SelfCheck { what: &'static str },
}

impl Error {
    /// A word for programs, which stays as it is when the sentence changes.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotPdf => "not_pdf",
            Self::FileTooLarge { .. } => "file_too_large",
            Self::Damaged { .. } => "document_damaged",
            Self::Encrypted => "document_encrypted",
            Self::WrongPassword => "wrong_password",
            Self::SignedAlready => "signed_already",
            Self::NoPages => "no_pages",
            Self::TooManyPages { .. } => "too_many_pages",
            Self::Certified { .. } => "document_certified",
            Self::Locked => "document_locked",
            Self::Xfa => "xfa_form",
            Self::BadPosition { .. } => "bad_position",
            Self::PageNotThere { .. } => "page_not_there",
            Self::TooFewPages => "too_few_pages",
            Self::OutsidePage { .. } => "outside_page",
            Self::KeywordNotFound { .. } => "keyword_not_found",
            Self::KeywordIndex { .. } => "keyword_index",
            Self::NoText => "no_text",
            Self::UnpacksTooLarge => "unpacks_too_large",
            Self::NotAPicture => "not_a_picture",
            Self::PictureTooLarge { .. } => "picture_too_large",
            Self::PictureDamaged => "picture_damaged",
            Self::PictureOpaque => "picture_opaque",
            Self::PictureEmpty => "picture_empty",
            Self::BadSeal { .. } => "bad_seal",
            Self::NoFont { .. } => "no_font",
            Self::BadCertificate { .. } => "bad_certificate",
            Self::CertificateNotInForce { .. } => "certificate_not_in_force",
            Self::BadKey { .. } => "bad_key",
            Self::KeyKind => "key_kind",
            Self::WrongKeyPassword => "wrong_key_password",
            Self::KeyNotOfCertificate => "key_not_of_certificate",
            Self::SignerFailed { .. } => "signer_failed",
            Self::NotTheSignersKey => "not_the_signers_key",
            Self::TimeStampFailed { .. } => "time_stamp_failed",
            Self::TimeStampWrong { .. } => "time_stamp_wrong",
            Self::SignatureTooLarge { .. } => "signature_too_large",
            Self::SelfCheck { .. } => "self_check",
        }
    }

    pub(crate) fn damaged(what: &'static str) -> Self {
        Self::Damaged { what }
    }
}
