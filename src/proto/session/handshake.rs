//! The lines that two peers exchange before the first message.

use crate::proto::frame::Type;
use crate::proto::hello::{self, Line, ProxyHeader, Status};
use crate::proto::session::machine::{Machine, Resync, Step};
use crate::proto::session::{Closed, Role, TurnedAway};

/// Where the handshake is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Phase {
    /// We called and wait for the status.
    Status,
    /// We are called; these lines are still to come.
    Hello(HelloLine),
    /// Messages.
    Open,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum HelloLine {
    Proxy,
    Version,
    Host,
    Caller,
}

impl Machine {
    /// The answer to our hello.
    pub(super) fn status<'a>(&mut self, bytes: &'a [u8]) -> (usize, Step<'a>) {
        match hello::line(bytes, hello::MAX_STATUS) {
            Line::Incomplete => (0, Step::Wait),
            Line::TooLong => (0, self.end(Closed::NoStatus)),
            Line::Whole(line, used) => match Status::parse(line) {
                Some(Status::OK) => (used, self.establish()),
                Some(status) => (used, self.end(Closed::Refused(status))),
                None => (used, self.end(Closed::NoStatus)),
            },
        }
    }

    /// A line of the hello of a caller. Each is judged as soon as it is complete.
    pub(super) fn hello<'a>(&mut self, which: HelloLine, bytes: &'a [u8]) -> (usize, Step<'a>) {
        if which == HelloLine::Proxy {
            let used = match ProxyHeader::find(bytes) {
                ProxyHeader::Incomplete => return (0, Step::Wait),
                ProxyHeader::Bad => return (0, self.turn_away(TurnedAway::NotAHello, None)),
                ProxyHeader::Whole(used) => used,
                ProxyHeader::None => 0,
            };
            self.phase = Phase::Hello(HelloLine::Version);
            return (used, Step::Again);
        }
        let (line, used) = match hello::line(bytes, hello::MAX_LINE) {
            Line::Incomplete => return (0, Step::Wait),
            Line::TooLong => return (0, self.turn_away(TurnedAway::LineTooLong, None)),
            Line::Whole(line, used) => (line, used),
        };
        let step = match which {
            HelloLine::Proxy | HelloLine::Version => match hello::version(line) {
                Ok(version) => {
                    self.version = version;
                    self.phase = Phase::Hello(HelloLine::Host);
                    Step::Again
                }
                Err(Status::VERSION) => self.turn_away(TurnedAway::Version, None),
                Err(_) => self.turn_away(TurnedAway::NotAHello, None),
            },
            HelloLine::Host if *line == *self.options.us => {
                self.phase = Phase::Hello(HelloLine::Caller);
                Step::Again
            }
            HelloLine::Host => self.turn_away(TurnedAway::OtherHost, Some(line)),
            HelloLine::Caller => match hello::caller(line) {
                Ok(name) => self.caller(name),
                Err(_) => self.turn_away(TurnedAway::NotAHello, None),
            },
        };
        (used, step)
    }

    /// The name of the caller has come.
    fn caller<'a>(&mut self, name: &[u8]) -> Step<'a> {
        if *name == *self.options.us {
            return self.turn_away(TurnedAway::OurName, Some(name));
        }
        let Role::Called(callers) = &self.options.role else { return Step::Wait };
        if !callers.iter().any(|known| **known == *name) {
            return self.turn_away(TurnedAway::Unknown, Some(name));
        }
        self.peer = name.into();
        self.sender.status(Status::OK);
        self.establish()
    }

    fn establish<'a>(&mut self) -> Step<'a> {
        self.phase = Phase::Open;
        // After a collision of two calls HAProxy closes the session unless something comes soon.
        match self.resync {
            Resync::None => self.sender.control(Type::HEARTBEAT),
            _ => self.request_resync(),
        }
        Step::Established
    }

    fn turn_away<'a>(&mut self, reason: TurnedAway, name: Option<&[u8]>) -> Step<'a> {
        let status = match reason {
            TurnedAway::NotAHello | TurnedAway::LineTooLong => Status::PROTOCOL,
            TurnedAway::Version => Status::VERSION,
            TurnedAway::OtherHost => Status::HOST,
            TurnedAway::Unknown | TurnedAway::OurName => Status::PEER,
        };
        self.end(Closed::TurnedAway { status, reason, name: name.map(Into::into) })
    }
}
